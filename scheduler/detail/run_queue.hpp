#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/job.hpp>

namespace troupe::detail {

/// A worker's ring of runnable jobs: the owner pushes at the back and pops at the front, thieves take half from the
/// front in one go. First in, first out, because actors want fairness. After the queue of Tokio's multi-threaded
/// runtime (tokio/src/runtime/scheduler/multi_thread/queue.rs).
///
/// Q1. Indices grow without end and wrap; a slot is `index % capacity`.
/// Q2. `head` packs two indices: `real`, the next to pop, and `steal`, the first that a thief still copies. They differ
///     only while one thief is at work; slots from `steal` on are not overwritten.
/// Q3. Only the owner moves `tail`. Only the thief that split the indices joins them again.
template <std::uint32_t Capacity = 256>
class basic_run_queue {
public:
  static constexpr std::uint32_t capacity = Capacity;
  static_assert(capacity >= 2 && (capacity & (capacity - 1)) == 0, "Q1 needs a power of two");

  /// Owner only. False when the ring has no room for `j`: the caller hands it elsewhere.
  bool push(job& j) noexcept {
    const std::uint32_t tail = tail_.load(relaxed);
    // The acquire pairs with a thief's release of the slots that it has copied.
    const std::uint32_t steal = steal_of(head_.load(acquire));
    if (tail - steal >= capacity) return false;
    slot(tail).store(&j, relaxed);
    tail_.store(tail + 1, release);  // pairs with the acquire of `tail` in steal_into
    return true;
  }

  /// Owner only. Takes the older half out of a full ring, so that the ring has room; calls `take(job&)` for each. Does
  /// nothing while a thief makes room anyway.
  template <class Take>
  void overflow(Take take) noexcept {
    std::uint64_t head = head_.load(acquire);
    const std::uint32_t real = real_of(head);
    if (steal_of(head) != real) return;
    const std::uint32_t n = (tail_.load(relaxed) - real) / 2;
    if (!head_.compare_exchange_strong(head, pack(real + n, real + n), acq_rel, relaxed)) return;
    for (std::uint32_t i = 0; i != n; ++i) take(*slot(real + i).load(relaxed));
  }

  /// Owner only. The oldest job, or null.
  job* pop() noexcept {
    std::uint64_t head = head_.load(acquire);
    for (;;) {
      const std::uint32_t real = real_of(head);
      if (real == tail_.load(relaxed)) return nullptr;
      const std::uint32_t steal = steal_of(head);
      const std::uint64_t next = pack(steal == real ? real + 1 : steal, real + 1);
      if (head_.compare_exchange_weak(head, next, acq_rel, acquire)) return slot(real).load(relaxed);
    }
  }

  /// Called by the owner of `into`, whose ring is empty: moves half of this ring there and returns one of the jobs, or
  /// null if there was nothing or another thief is at work.
  job* steal_into(basic_run_queue& into) noexcept {
    const std::uint32_t to = into.tail_.load(relaxed);
    // A thief may still copy slots out of `into`: leave them alone (Q2). The acquire pairs with its release.
    if (to - steal_of(into.head_.load(acquire)) > capacity / 2) return nullptr;
    std::uint64_t head = head_.load(acquire);
    std::uint32_t first = 0;
    std::uint32_t n = 0;
    for (;;) {
      const std::uint32_t real = real_of(head);
      if (steal_of(head) != real) return nullptr;
      const std::uint32_t available = tail_.load(acquire) - real;
      n = available - available / 2;
      if (n == 0 || available > capacity) return nullptr;  // empty, or `head` was old
      if (head_.compare_exchange_weak(head, pack(real, real + n), acq_rel, acquire)) {
        first = real;
        break;
      }
    }
    for (std::uint32_t i = 0; i != n; ++i) into.slot(to + i).store(slot(first + i).load(relaxed), relaxed);
    // Join the indices (Q3): `real` may have moved on meanwhile.
    head = head_.load(acquire);
    while (!head_.compare_exchange_weak(head, pack(real_of(head), real_of(head)), acq_rel, acquire)) {
    }
    job* mine = into.slot(to + n - 1).load(relaxed);
    if (n > 1) into.tail_.store(to + n - 1, release);
    return mine;
  }

  /// Any thread; a moment's truth.
  bool empty() const noexcept { return size() == 0; }
  std::uint32_t size() const noexcept {
    const std::uint32_t tail = tail_.load(seq_cst);
    const std::uint32_t n = tail - real_of(head_.load(seq_cst));
    return n > capacity ? 0 : n;
  }

private:
  static constexpr std::uint64_t pack(std::uint32_t steal, std::uint32_t real) noexcept {
    return std::uint64_t{steal} << 32 | real;
  }
  static constexpr std::uint32_t steal_of(std::uint64_t head) noexcept {
    return static_cast<std::uint32_t>(head >> 32);
  }
  static constexpr std::uint32_t real_of(std::uint64_t head) noexcept { return static_cast<std::uint32_t>(head); }
  atomic<job*>& slot(std::uint32_t index) noexcept { return slots_[index % capacity]; }

  alignas(cache_line) atomic<std::uint64_t> head_{0};
  alignas(cache_line) atomic<std::uint32_t> tail_{0};
  std::array<atomic<job*>, capacity> slots_{};
};

using run_queue = basic_run_queue<>;

}  // namespace troupe::detail
