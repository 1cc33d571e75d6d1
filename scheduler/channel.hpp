#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/base/result.hpp>
#include <troupe/scheduler/detail/channel_items.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// The capacity of a channel whose senders never wait.
inline constexpr std::size_t unbounded = SIZE_MAX;

/// A queue between green threads, handlers and OS threads alike: `co_await c.send(x)` and `co_await c.receive()`
/// suspend, `.get()` on either blocks. Any number of senders and receivers; all functions may be called from any
/// thread. It must outlive every operation on it.
///
/// With capacity 0 a sender waits until a receiver has taken its item (a rendezvous). What one sender sends is received
/// in the order sent (C1), unless the channel's order is another; those who wait are served in the order of their
/// coming.
///
///     for (;;) {
///       auto job = co_await jobs.receive();
///       if (!job) break;  // closed, and nothing is left
///       work_on(*job);
///     }
///
/// (g++ 12 miscompiles a condition that is a `co_await` without a name, as `while (co_await jobs.receive())`; `while
/// (auto job = co_await jobs.receive())` is right.)
///
/// Memory is taken as items come; where there is none left the program ends. No item is lost: what was handed to a
/// receiver that is killed before it sees it goes to the next receiver, or back to the head of the channel; what a
/// sender holds that is killed while it waits is not sent.
///
/// CH1. Receivers stand in their line only while nothing is in the channel and no sender stands in his.
/// CH2. Senders stand in their line only while the channel is full, or holds more than that because of what was given
///     back.
/// CH3. An item goes straight from a sender to a receiver that waits. Items are moved under the lock of the channel.
template <class T, class Order = fifo>
class channel {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "troupe: what goes through a channel must not throw when it is moved or destroyed; send a "
                "std::unique_ptr to it");

  struct sending;
  template <bool Temporary>
  struct send_request;
  template <bool Temporary>
  struct send_all_request;
  struct receive_request;
  struct receive_many_request;
  struct join_request;

public:
  using value_type = T;

  /// Throws `troupe_error` (`invalid_argument`) for a capacity above PTRDIFF_MAX, as a negative number is that was
  /// converted; but for `unbounded`, which is what -1 becomes.
  explicit channel(std::size_t capacity = unbounded) : capacity_(capacity) {
    if (capacity != unbounded) detail::check_count(capacity, "the capacity of a channel");
    note();
  }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Waits until there is room for the item or a receiver for it. Gives a `result<void>`: `closed`; `cancelled` if the
  /// caller is told to stop meanwhile; `deadlock` and `would_deadlock` on OS threads where the wait could not end.
  auto send(T&& item) noexcept { return operation(send_request<true>(*this, std::move(item))); }
  auto send(const T& item) requires std::is_copy_constructible_v<T> {
    return operation(send_request<false>(*this, T(item)));
  }

  /// The same with an item that is made of `args`: the form for g++ 12, which destroys an aggregate twice that is made
  /// inside of a `co_await` expression.
  template <class... Args>
  auto emplace(Args&&... args) {
    if constexpr (std::is_constructible_v<T, Args...>)
      return operation(send_request<false>(*this, T(std::forward<Args>(args)...)));
    else
      return operation(send_request<false>(*this, T{std::forward<Args>(args)...}));
  }

  /// `send` that waits at most that long; also `timeout`.
  auto try_send_for(T&& item, std::chrono::nanoseconds timeout) noexcept {
    return operation(send_request<true>(*this, std::move(item)), timeout);
  }
  auto try_send_for(const T& item, std::chrono::nanoseconds timeout) requires std::is_copy_constructible_v<T> {
    return operation(send_request<false>(*this, T(item)), timeout);
  }

  /// Sends if nobody has to wait for it: otherwise `full` or `closed`, and the item is left as it was.
  result<void> try_send(T&& item) {
    if (put_now(item)) return {};
    return closed() ? closed_error() : error(errc::full, "a channel is full");
  }
  result<void> try_send(const T& item) requires std::is_copy_constructible_v<T> {
    T copy(item);
    return try_send(std::move(copy));
  }

  /// Sends all items of a range, one after another, many under one lock. A sender that has to stop midway has sent
  /// those before: the error says how many. Not for `select`.
  template <std::ranges::input_range Range>
  auto send_all(Range&& range) {
    constexpr bool temporary = std::is_aggregate_v<Range> && !std::is_trivially_destructible_v<Range>;
    std::vector<T> items;
    for (auto&& each : range) {
      if constexpr (std::is_lvalue_reference_v<Range>)
        items.push_back(each);
      else
        items.push_back(std::move(each));
    }
    return operation(send_all_request<temporary>(*this, std::move(items)));
  }

  /// Waits for an item. Gives a `result<T>`: `closed` once the channel is closed and drained; `cancelled`; `deadlock`
  /// and `would_deadlock` on OS threads where the wait could not end.
  auto receive() noexcept { return operation(receive_request(*this)); }

  /// `receive` that waits at most that long; also `timeout`.
  auto try_receive_for(std::chrono::nanoseconds timeout) noexcept { return operation(receive_request(*this), timeout); }

  /// Takes an item if there is one: otherwise `empty` or `closed`.
  result<T> try_receive() {
    std::optional<T> item;
    if (take_now(item)) return std::move(*item);
    if (!closed()) return error(errc::empty, "a channel is empty");
    if (take_now(item)) return std::move(*item);  // it was sent before the channel was closed
    return closed_error();
  }

  /// Waits for an item, and takes what else is there at that moment, up to `most` (at least one) in all. Gives a
  /// `result<std::vector<T>>`, errors as `receive`.
  auto receive_up_to(std::size_t most) noexcept { return operation(receive_many_request(*this, most)); }

  /// Nothing can be sent from now on: senders get `closed`, also those that wait; receivers get what is left, then
  /// `closed`. Idempotent.
  void close() noexcept {
    if (closed()) return;
    std::string by = detail::this_party_name();
    detail::wake_list woken;
    std::lock_guard lock(guard_);
    if (!closed_) closed_by_ = std::move(by);
    closed_ = true;
    senders_.grant_all(woken, detail::wait_outcome::closed);
    receivers_.grant_all(woken, detail::wait_outcome::closed);
    note();
  }

  /// Says that an item that was received has been worked on, as Python's `queue.task_done`. `invalid_argument` if it is
  /// called more often than items were sent.
  result<void> task_done() {
    detail::wake_list woken;
    std::lock_guard lock(guard_);
    if (unfinished_ == 0)
      return error(errc::invalid_argument, "task_done() was called more often than items were sent");
    if (--unfinished_ == 0) joiners_.grant_all(woken);
    return {};
  }

  /// Waits until `task_done` has been called for each item that was sent. Gives a `result<void>`: `cancelled`,
  /// `deadlock`, `would_deadlock`.
  auto join() noexcept { return operation(join_request(*this)); }
  auto try_join_for(std::chrono::nanoseconds timeout) noexcept { return operation(join_request(*this), timeout); }

  /// A moment's truth, as all of these.
  std::size_t size() const noexcept { return size_.load(relaxed); }
  bool empty() const noexcept { return size() == 0; }
  bool full() const noexcept { return size() >= capacity_; }
  bool closed() const noexcept { return (can_.load(relaxed) & closed_flag) != 0; }
  std::size_t capacity() const noexcept { return capacity_; }

private:
  enum : std::uint8_t { can_send = 1, can_receive = 2, closed_flag = 4 };

  bool can(std::uint8_t what) const noexcept { return (can_.load(relaxed) & what) != 0; }

  /// Lets those who come without the lock know how things stand.
  void note() noexcept {
    const std::size_t n = items_.size();
    unsigned now = closed_ ? closed_flag : 0;
    if (n < capacity_ || !receivers_.empty()) now |= can_send;
    if (n != 0 || !senders_.empty()) now |= can_receive;
    if (size_.load(relaxed) != n) size_.store(n, relaxed);
    if (can_.load(relaxed) != now) can_.store(static_cast<std::uint8_t>(now), relaxed);
  }

  /// The same where nothing has changed but that one more waits to take or to give.
  void also_can(std::uint8_t what) noexcept {
    if (!can(what)) can_.store(static_cast<std::uint8_t>(can_.load(relaxed) | what), relaxed);
  }

  // Under the lock. Whoever is to be woken comes back in `woken`; nodes of `self`, the other alternatives of a
  // selection, are passed over.

  bool put(T& item, detail::wait_node*& woken, const void* self = nullptr) noexcept {
    if (closed_) return false;
    if (receivers_.empty() && items_.size() >= capacity_) return false;
    return put_or_hand_over(item, woken, self);
  }

  bool put_or_hand_over(T& item, detail::wait_node*& woken, const void* self) noexcept {
    if (detail::wait_node* n = receivers_.grant_one(detail::wait_outcome::granted, self)) {
      static_cast<std::optional<T>*>(n->place)->emplace(std::move(item));
      woken = n;
    } else if (items_.size() < capacity_) {
      items_.put(std::move(item));
    } else {
      return false;
    }
    ++unfinished_;
    return true;
  }

  bool take(std::optional<T>& into, detail::wait_node*& woken, const void* self = nullptr) noexcept {
    if (items_.size() == 0) {
      T* item = pull(woken, self);
      if (item) into.emplace(std::move(*item));
      return item != nullptr;
    }
    into.emplace(std::move(items_.next()));
    items_.drop();
    if (items_.size() < capacity_) {
      if (T* item = pull(woken, self)) items_.put(std::move(*item));
    }
    return true;
  }

  /// The next item of those who wait to send.
  T* pull(detail::wait_node*& woken, const void* self) noexcept {
    for (auto i = senders_.begin(); i != senders_.end();) {
      detail::wait_node& n = *i++;
      if (self && n.party == self) continue;
      auto& s = *static_cast<sending*>(n.place);
      if (s.last - s.next == 1) {
        if (!n.end(detail::wait_outcome::granted)) {
          n.unlink();
          continue;
        }
        woken = &n;
      }
      ++unfinished_;
      return s.next++;
    }
    return nullptr;
  }

  // Cold: inlined, these cost each item on its way a twentieth more.

  /// Why nothing comes or goes any more, once it is closed.
  [[gnu::cold]] error closed_error() {
    { std::lock_guard after_the_close(guard_); }
    return error(errc::closed, "the channel was closed by " + closed_by_);
  }

  [[gnu::cold]] error why(const detail::wait_end& how, std::string_view what) {
    return how == detail::wait_outcome::closed ? closed_error() : detail::error_of(how, what);
  }

  bool put_now(T& item) noexcept {
    if (!can(can_send)) return false;
    detail::wait_node* woken = nullptr;
    {
      std::lock_guard lock(guard_);
      if (!put(item, woken)) return false;
      note();
    }
    if (woken) woken->resume();
    return true;
  }

  bool take_now(std::optional<T>& into) noexcept {
    if (!can(can_receive)) return false;
    detail::wait_node* woken = nullptr;
    {
      std::lock_guard lock(guard_);
      if (!take(into, woken)) return false;
      note();
    }
    if (woken) woken->resume();
    return true;
  }

  void give_back(T&& item) noexcept {
    detail::wait_node* woken = nullptr;
    {
      std::lock_guard lock(guard_);
      woken = receivers_.grant_one();
      if (woken)
        static_cast<std::optional<T>*>(woken->place)->emplace(std::move(item));
      else
        items_.give_back(std::move(item));
      note();
    }
    if (woken) woken->resume();
  }

  const std::size_t capacity_;

  // Under guard_.
  spin_lock guard_;
  bool closed_ = false;
  std::string closed_by_;        // written once, with `closed_`
  detail::wait_line senders_;    // their `place` is a sending*
  detail::wait_line receivers_;  // theirs a std::optional<T>*
  detail::wait_line joiners_;
  detail::channel_items<T, Order> items_;
  std::uint64_t unfinished_ = 0;

  // How things stood when the lock was last held; whoever acts on it looks again under the lock.
  atomic<std::uint8_t> can_{0};
  atomic<std::size_t> size_{0};
};

/// A channel whose newest item is received first.
template <class T>
using lifo_channel = channel<T, lifo>;

/// A channel whose greatest item is received first, the older one of two equals. Items that wait for room do not take
/// part. See `by_priority`.
template <class T, class Compare = std::less<T>>
using priority_channel = channel<T, by_priority<Compare>>;

// --- what is wanted of a channel: see `operation` ------------------------------------------------------------------

/// The items that a sender in the line still holds.
template <class T, class Order>
struct channel<T, Order>::sending {
  T* next = nullptr;
  T* last = nullptr;
};

template <class T, class Order>
template <bool Temporary>
struct channel<T, Order>::send_request {
  static constexpr bool dies_twice = Temporary && std::is_aggregate_v<T> && !std::is_trivially_destructible_v<T>;

  send_request(channel& to, T&& x) noexcept : c(&to), item(std::move(x)) {}

  spin_lock& guard() noexcept { return c->guard_; }
  bool try_fast(const void*) noexcept { return c->put_now(item); }
  bool try_locked(detail::wait_node& n, detail::wake_list& woken) noexcept {
    detail::wait_node* other = nullptr;
    if (c->closed_) {
      n.end(detail::wait_outcome::closed);
      return true;
    }
    const bool done = c->put(item, other, n.party);
    if (other) woken.add(*other);
    if (!done) {
      held.next = &item;
      held.last = &item + 1;
      n.place = &held;
      c->senders_.push(n);
      c->also_can(can_receive);
      return false;
    }
    c->note();
    return true;
  }
  void give_back() noexcept {}
  void left(detail::wake_list&) noexcept { c->note(); }
  result<void> finish(const detail::wait_end& how) {
    if (how == detail::wait_outcome::granted) return {};
    return c->why(how, "room in a channel");
  }

  channel* c;
  T item;
  sending held;
};

template <class T, class Order>
template <bool Temporary>
struct channel<T, Order>::send_all_request {
  static constexpr bool all_or_nothing = false;
  static constexpr bool dies_twice = Temporary;

  send_all_request(channel& to, std::vector<T>&& x) noexcept : c(&to), items(std::move(x)) {
    held.next = items.data();
    held.last = items.data() + items.size();
  }

  spin_lock& guard() noexcept { return c->guard_; }
  bool try_fast(const void*) noexcept {
    if (held.next != held.last && !c->can(can_send)) return false;
    detail::wake_list woken;
    std::lock_guard lock(c->guard_);
    return put(woken);
  }
  bool try_locked(detail::wait_node& n, detail::wake_list& woken) noexcept {
    const bool done = put(woken);
    if (!done && c->closed_) {
      n.end(detail::wait_outcome::closed);
      return true;
    }
    if (!done) {
      n.place = &held;
      c->senders_.push(n);
      c->note();
    }
    return done;
  }
  void give_back() noexcept {}
  void left(detail::wake_list&) noexcept { c->note(); }
  result<void> finish(const detail::wait_end& how) {
    if (how == detail::wait_outcome::granted) return {};
    const error e = c->why(how, "room in a channel");
    return error(e.code(), e.message() + "; sent were " + std::to_string(held.next - items.data()) + " of " +
                               std::to_string(items.size()) + " items");
  }

  bool put(detail::wake_list& woken) noexcept {
    for (detail::wait_node* other = nullptr; held.next != held.last && c->put(*held.next, other); ++held.next) {
      if (other) woken.add(*std::exchange(other, nullptr));
    }
    c->note();
    return held.next == held.last;
  }

  channel* c;
  std::vector<T> items;
  sending held;
};

template <class T, class Order>
struct channel<T, Order>::receive_request {
  static constexpr bool receives = true;

  explicit receive_request(channel& from) noexcept : c(&from) {}

  spin_lock& guard() noexcept { return c->guard_; }
  bool try_fast(const void*) noexcept { return c->take_now(item); }
  bool try_locked(detail::wait_node& n, detail::wake_list& woken) noexcept {
    detail::wait_node* other = nullptr;
    const bool done = c->take(item, other, n.party);
    if (other) woken.add(*other);
    if (!done && c->closed_) {
      n.end(detail::wait_outcome::closed);
      return true;
    }
    if (!done) {
      n.place = &item;
      c->receivers_.push(n);
      c->also_can(can_send);
      return false;
    }
    c->note();
    return true;
  }
  void give_back() noexcept { c->give_back(std::move(*item)); }
  void left(detail::wake_list&) noexcept { c->note(); }
  result<T> finish(const detail::wait_end& how) {
    if (how == detail::wait_outcome::granted) return std::move(*item);
    return c->why(how, "an item from a channel");
  }

  channel* c;
  std::optional<T> item;
};

template <class T, class Order>
struct channel<T, Order>::receive_many_request : receive_request {
  receive_many_request(channel& from, std::size_t n) noexcept : receive_request(from), most(n) {}

  result<std::vector<T>> finish(const detail::wait_end& how) {
    if (how != detail::wait_outcome::granted) return this->c->why(how, "an item from a channel");
    std::vector<T> all;
    all.reserve(std::min(most, this->c->size() + 1));
    all.push_back(std::move(*this->item));
    detail::wake_list woken;
    std::lock_guard lock(this->c->guard_);
    detail::wait_node* other = nullptr;
    for (std::optional<T> next; all.size() < most && this->c->take(next, other);) {
      all.push_back(std::move(*next));
      if (other) woken.add(*std::exchange(other, nullptr));
    }
    this->c->note();
    return all;
  }

  std::size_t most;
};

template <class T, class Order>
struct channel<T, Order>::join_request {
  explicit join_request(channel& of) noexcept : c(&of) {}

  spin_lock& guard() noexcept { return c->guard_; }
  bool try_fast(const void*) noexcept { return false; }
  bool try_locked(detail::wait_node& n) noexcept {
    if (c->unfinished_ == 0) return true;
    c->joiners_.push(n);
    return false;
  }
  void give_back() noexcept {}
  void left(detail::wake_list&) noexcept {}
  result<void> finish(const detail::wait_end& how) {
    if (how == detail::wait_outcome::granted) return {};
    return detail::error_of(how, "the work on the items of a channel");
  }

  channel* c;
};

}  // namespace troupe
