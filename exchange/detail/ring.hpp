#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

namespace troupe::detail {

/// A FIFO in one block of memory that grows by doubling, and that is given back when a large one has run empty. T is
/// cheap to move and to default-construct.
template <class T>
class ring {
  static constexpr std::size_t smallest = 8;
  static constexpr std::size_t kept = 64;  // an empty ring keeps no larger block

public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  /// The i-th from the front.
  T& operator[](std::size_t i) noexcept { return block_[(first_ + i) & (capacity_ - 1)]; }
  T& front() noexcept { return (*this)[0]; }
  T& back() noexcept { return (*this)[size_ - 1]; }

  /// Afterwards one `push_back` does not throw. Throws `std::bad_alloc`, and has changed nothing then.
  void make_room() {
    if (size_ == capacity_) grow();
  }
  void push_back(T value) {
    make_room();
    block_[(first_ + size_++) & (capacity_ - 1)] = std::move(value);
  }
  void pop_front() noexcept {
    first_ = (first_ + 1) & (capacity_ - 1);
    if (--size_ == 0 && capacity_ > kept) clear();
  }
  /// What stands in front stands behind the others. There is one.
  void rotate() noexcept {
    T& from = front();
    first_ = (first_ + 1) & (capacity_ - 1);
    T& to = back();
    if (&to != &from) to = std::move(from);
  }
  /// Takes out those for which `gone(T&)` holds; the others keep their order.
  template <class Gone>
  void remove_if(Gone gone) noexcept {
    std::size_t stay = 0;
    for (std::size_t i = 0; i != size_; ++i) {
      if (gone((*this)[i])) continue;
      if (stay != i) (*this)[stay] = std::move((*this)[i]);
      ++stay;
    }
    size_ = stay;
    if (size_ == 0) clear();
  }
  void clear() noexcept {
    size_ = first_ = capacity_ = 0;
    block_.reset();
  }

private:
  void grow() {
    const std::size_t larger = std::max(smallest, 2 * capacity_);
    auto block = std::make_unique<T[]>(larger);
    for (std::size_t i = 0; i != size_; ++i) block[i] = std::move((*this)[i]);
    block_ = std::move(block);
    capacity_ = larger;
    first_ = 0;
  }

  std::unique_ptr<T[]> block_;
  std::size_t capacity_ = 0;  // 0 or a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace troupe::detail
