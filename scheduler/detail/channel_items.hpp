#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace troupe {

/// The oldest item is received first.
struct fifo {};

/// The newest item is received first.
struct lifo {};

/// The greatest item by `Compare` is received first, the older one of two equals. `Compare` must not throw, and is
/// called under the lock of the channel.
template <class Compare>
struct by_priority {};

namespace detail {

/// What is in a channel, in the order of its leaving. Used under the channel's lock; takes memory when first used.
template <class T, class Order>
class channel_items {
public:
  std::size_t size() const noexcept { return items_ ? items_->size() : 0; }
  void put(T&& item) noexcept { items().push_back(std::move(item)); }

  /// It will be the next to leave.
  void give_back(T&& item) noexcept {
    if constexpr (takes_newest)
      items().push_back(std::move(item));
    else
      items().push_front(std::move(item));
  }

  /// The next, which `drop` then takes out; there must be one.
  T& next() noexcept {
    if constexpr (takes_newest)
      return items_->back();
    else
      return items_->front();
  }
  void drop() noexcept {
    if constexpr (takes_newest)
      items_->pop_back();
    else
      items_->pop_front();
  }

private:
  static constexpr bool takes_newest = std::is_same_v<Order, lifo>;

  std::deque<T>& items() {
    if (!items_) items_.emplace();
    return *items_;
  }
  std::optional<std::deque<T>> items_;
};

/// A binary heap; equals leave in the order of their numbers.
template <class T, class Compare>
class channel_items<T, by_priority<Compare>> {
public:
  std::size_t size() const noexcept { return heap_.size(); }
  void put(T&& item) noexcept { push(std::move(item), next_++); }
  void give_back(T&& item) noexcept { push(std::move(item), --first_); }
  T& next() noexcept {
    std::pop_heap(heap_.begin(), heap_.end(), later{});
    return heap_.back().item;
  }
  void drop() noexcept { heap_.pop_back(); }

private:
  struct entry {
    T item;
    std::int64_t number;
  };
  struct later {
    bool operator()(const entry& a, const entry& b) const {
      if (Compare{}(a.item, b.item)) return true;
      return !Compare{}(b.item, a.item) && a.number > b.number;
    }
  };
  void push(T&& item, std::int64_t number) {
    heap_.push_back(entry{std::move(item), number});
    std::push_heap(heap_.begin(), heap_.end(), later{});
  }

  std::vector<entry> heap_;
  std::int64_t next_ = 0;
  std::int64_t first_ = 0;
};

}  // namespace detail

}  // namespace troupe
