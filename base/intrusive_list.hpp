#pragma once

#include <array>
#include <cstddef>
#include <iterator>

namespace troupe {

/// A place in an `intrusive_list`. A class derives from it, once for each list that it can be in at the same time, told
/// apart by `Tag`. Must not be destroyed while linked.
template <class Tag = void>
class list_hook {
public:
  list_hook() = default;
  list_hook(const list_hook&) = delete;
  list_hook& operator=(const list_hook&) = delete;

  /// True while it is in a list.
  bool linked() const noexcept { return next_ != nullptr; }

  /// Leaves whatever list it is in, in constant time. Expects to be linked.
  void unlink() noexcept {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
  }

private:
  template <class T, class U>
  friend class intrusive_list;

  list_hook* prev_ = nullptr;
  list_hook* next_ = nullptr;
};

/// A doubly linked list of objects that carry their own links, `T` derived from `list_hook<Tag>`. Owns nothing,
/// allocates nothing; an object leaves by its hook alone. Not thread safe.
template <class T, class Tag = void>
class intrusive_list {
  using hook = list_hook<Tag>;

public:
  /// A bidirectional iterator; valid while its object is in the list.
  class iterator {
  public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    iterator() = default;

    T& operator*() const noexcept { return *static_cast<T*>(at_); }
    T* operator->() const noexcept { return static_cast<T*>(at_); }
    iterator& operator++() noexcept { return at_ = at_->next_, *this; }
    iterator& operator--() noexcept { return at_ = at_->prev_, *this; }
    iterator operator++(int) noexcept {
      iterator was = *this;
      ++*this;
      return was;
    }
    iterator operator--(int) noexcept {
      iterator was = *this;
      --*this;
      return was;
    }
    friend bool operator==(iterator, iterator) = default;

  private:
    friend intrusive_list;
    explicit iterator(hook* at) noexcept : at_(at) {}
    hook* at_ = nullptr;
  };

  intrusive_list() noexcept { reset(); }
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;

  bool empty() const noexcept { return end_.next_ == &end_; }

  iterator begin() noexcept { return iterator(end_.next_); }
  iterator end() noexcept { return iterator(&end_); }

  /// The first and last object; the list must not be empty.
  T& front() noexcept { return *begin(); }
  T& back() noexcept { return *--end(); }

  /// Links an object that is in no list by this hook.
  void push_front(T& x) noexcept { link(x, end_.next_); }
  void push_back(T& x) noexcept { link(x, &end_); }

  /// Takes the first object out; nullptr if there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& x = front();
    static_cast<hook&>(x).unlink();
    return &x;
  }

  /// Moves all of another list's objects to the end of this one, in constant time.
  void splice_back(intrusive_list& other) noexcept {
    if (other.empty()) return;
    hook* const first = other.end_.next_;
    hook* const last = other.end_.prev_;
    other.reset();
    first->prev_ = end_.prev_;
    end_.prev_->next_ = first;
    last->next_ = &end_;
    end_.prev_ = last;
  }

  /// Sorts stably, in n log n, or in n if the list is in order already.
  template <class Less>
  void sort(Less less) {
    if (is_sorted(less)) return;
    // runs[i] is empty or holds 2^i objects, all of them older than those in the runs below.
    std::array<intrusive_list, 32> runs;
    while (T* x = pop_front()) {
      intrusive_list carry;
      carry.push_back(*x);
      std::size_t i = 0;
      for (; !runs[i].empty() && i + 1 < runs.size(); ++i) {
        runs[i].merge(carry, less);
        carry.splice_back(runs[i]);
      }
      runs[i].merge(carry, less);
    }
    for (auto& run : runs) {
      run.merge(*this, less);
      splice_back(run);
    }
  }

private:
  void reset() noexcept { end_.prev_ = end_.next_ = &end_; }

  void link(hook& x, hook* before) noexcept {
    x.prev_ = before->prev_;
    x.next_ = before;
    before->prev_->next_ = &x;
    before->prev_ = &x;
  }

  template <class Less>
  bool is_sorted(Less& less) {
    if (empty()) return true;
    for (iterator a = begin(), b = std::next(a); b != end(); a = b++)
      if (less(*b, *a)) return false;
    return true;
  }

  // Both in order; equal objects of this list come first.
  template <class Less>
  void merge(intrusive_list& other, Less& less) {
    iterator at = begin();
    while (!other.empty()) {
      if (at == end()) return splice_back(other);
      if (less(other.front(), *at)) {
        hook& x = *other.pop_front();
        link(x, at.at_);
      } else {
        ++at;
      }
    }
  }

  hook end_;
};

}  // namespace troupe
