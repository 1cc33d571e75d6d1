#pragma once

#include <concurrentqueue/blockingconcurrentqueue.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/base/atomic.hpp>
#include <troupe/base/result.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// An unbounded queue between OS threads, on moodycamel's BlockingConcurrentQueue. Green threads and handlers must not
/// use what blocks here: they have `channel`. All functions may be called from any thread.
///
/// What one thread sends is taken out in the order sent, and so is what is sent through one `producer`. Between threads
/// there is no order, not even one that somebody else arranged: of two items that different threads send one after the
/// other, the second may come out first.
///
/// BQ1. `items_` is twice the number of items that were accepted and not yet received, plus one once it is closed. An
///     item is counted before it is put in, and no longer counted after it was taken out.
/// BQ2. Closing puts one empty item in. Whoever takes that out takes another, or waits until nothing is counted any
///     more, and puts it back, so that the next who waits is woken.
template <class T>
class blocking_queue {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "troupe: what goes through a blocking_queue must not throw when it is moved or destroyed; send a "
                "std::unique_ptr to it");

public:
  using value_type = T;

  blocking_queue() = default;
  blocking_queue(const blocking_queue&) = delete;
  blocking_queue& operator=(const blocking_queue&) = delete;

  /// Never waits. `closed`; throws `std::bad_alloc`.
  result<void> send(T item) {
    return put([&](std::optional<T>&& counted) { return queue_.enqueue(std::move(counted)); }, std::move(item));
  }

  /// One who sends, one item at a time but from whatever thread: an actor, say, which the pool runs where it likes.
  /// What it sends is taken out in the order sent. Does not outlive the queue.
  class producer {
  public:
    /// Throws `std::bad_alloc`.
    explicit producer(blocking_queue& to) : to_(&to), token_(to.queue_) {
      if (!token_.valid()) throw std::bad_alloc();
    }
    producer(const producer&) = delete;
    producer& operator=(const producer&) = delete;

    /// As `blocking_queue::send`.
    result<void> send(T item) {
      return to_->put([&](std::optional<T>&& counted) { return to_->queue_.enqueue(token_, std::move(counted)); },
                      std::move(item));
    }

  private:
    blocking_queue* to_;
    moodycamel::ProducerToken token_;
  };

  /// Sends the items of [first, last), moved out of there. All or none: `closed`; throws `std::bad_alloc`, and
  /// what making an item of `*first` throws.
  template <std::forward_iterator Iterator>
  result<void> send_all(Iterator first, Iterator last) {
    const auto n = static_cast<std::size_t>(std::distance(first, last));
    if (!count_in(n)) return closed_error();
    try {
      if (queue_.enqueue_bulk(std::make_move_iterator(first), n)) return {};
    } catch (...) {  // the iterator, or the conversion to T; the queue has taken nothing
      items_.fetch_sub(2 * n, release);
      throw;
    }
    items_.fetch_sub(2 * n, release);
    throw std::bad_alloc();
  }

  /// Blocks until there is an item; `closed` once the queue is closed and drained.
  result<T> receive() { return try_receive_for(forever); }

  /// The same for at most that long; also `timeout`.
  result<T> try_receive_for(std::chrono::nanoseconds timeout) {
    const std::int64_t deadline = deadline_after(steady_now(), timeout);
    std::optional<T> item;
    if (wait(item, deadline)) return item ? count_out(std::move(*item)) : receive_last();
    return error(errc::timeout, "no item came in time");
  }

  /// Takes an item if there is one: otherwise `empty` or `closed`. May miss one that is sent at this moment.
  result<T> try_receive() {
    std::optional<T> item;
    if (queue_.try_dequeue(item)) return item ? count_out(std::move(*item)) : receive_last();
    return error(errc::empty, "a queue is empty");
  }

  /// Blocks until there is an item, and takes what else is there, up to `most` (at least one) in all. `closed`.
  result<std::vector<T>> receive_up_to(std::size_t most) {
    result<T> first = receive();
    if (!first) return first.error();
    std::vector<T> all;
    all.push_back(std::move(*first));
    while (all.size() < most) {
      result<T> next = try_receive();
      if (!next) break;
      all.push_back(std::move(*next));
    }
    return all;
  }

  /// Nothing can be sent from now on; receivers get what is left, then `closed`. Idempotent.
  void close() {
    if (!(items_.fetch_or(closed_flag, acq_rel) & closed_flag)) queue_.enqueue(std::nullopt);
  }

  bool closed() const noexcept { return (items_.load(relaxed) & closed_flag) != 0; }

  /// A moment's truth; counts what is being sent and received at this moment.
  std::size_t size() const noexcept { return items_.load(relaxed) / 2; }

private:
  static constexpr std::uint64_t closed_flag = 1;

  static error closed_error() { return error(errc::closed, "a queue is closed"); }

  template <class Enqueue>
  result<void> put(Enqueue enqueue, T&& item) {
    if (!count_in(1)) return closed_error();
    if (enqueue(std::optional<T>(std::move(item)))) return {};
    items_.fetch_sub(2, release);
    throw std::bad_alloc();
  }
  bool count_in(std::size_t n) noexcept {
    if (!(items_.fetch_add(2 * n, relaxed) & closed_flag)) return true;
    items_.fetch_sub(2 * n, release);
    return false;
  }
  result<T> count_out(T&& item) {
    items_.fetch_sub(2, release);  // pairs with the acquire of `receive_last`
    return std::move(item);
  }
  /// The empty item is in the hand of the caller (BQ2).
  result<T> receive_last() {
    for (;;) {
      std::optional<T> item;
      const bool found = queue_.try_dequeue(item);
      if (!found && items_.load(acquire) != closed_flag) {  // on their way in or out; pairs with `count_out`
        yield_thread();
        continue;
      }
      queue_.enqueue(std::nullopt);
      if (!found) return closed_error();
      return count_out(std::move(*item));
    }
  }
  bool wait(std::optional<T>& item, std::int64_t deadline) {
    if (deadline == timers::never) {
      queue_.wait_dequeue(item);
      return true;
    }
    for (;;) {
      const std::int64_t left = deadline - steady_now();
      if (queue_.wait_dequeue_timed(item, std::max<std::int64_t>(left, 0) / 1'000)) return true;
      if (left <= 0) return false;
    }
  }

  moodycamel::BlockingConcurrentQueue<std::optional<T>> queue_;
  atomic<std::uint64_t> items_{0};
};

}  // namespace troupe
