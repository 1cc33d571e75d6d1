#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <troupe/actors/core.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/histogram.hpp>

namespace troupe {
struct class_statistics;
}

namespace troupe::detail {

struct actor_class;

/// What the actors of one class have done, as far as one worker has seen it; or, where it is shared, all threads that
/// are no workers.
///
/// CM1. Unless it is shared it has a single writer (K1). Nothing here orders anything: all is relaxed.
class class_meter {
public:
  /// One handler in so many is timed: reading a clock takes as long as many a handler.
  static constexpr std::uint32_t interval = 1024;

  class_meter(const actor_class& c, bool shared) noexcept : class_(&c), shared_(shared) {}

  const actor_class& of_class() const noexcept { return *class_; }

  void handled(std::uint64_t n) noexcept {
    add(handled_, n);
    const std::uint32_t until = until_.load(relaxed);
    until_.store(n < until ? until - static_cast<std::uint32_t>(n) : 0, relaxed);
  }
  void failed() noexcept { add(failed_, 1); }
  void ended() noexcept { add(ended_, 1); }
  void restarted() noexcept { add(restarts_, 1); }
  void lost(loss why, std::uint64_t n) noexcept { add(lost_[static_cast<std::size_t>(why)], n); }

  /// How many messages are to be handled before one that is timed: 0 if that is the next.
  std::uint32_t until_timed() const noexcept { return until_.load(relaxed); }
  void timed(std::int64_t ns) noexcept {
    times_.add(ns, shared_);
    until_.store(interval - 1, relaxed);
  }

  void add_to(class_statistics& sum) const;

private:
  friend class class_meters;

  void add(atomic<std::uint64_t>& counter, std::uint64_t n) noexcept {
    if (shared_)
      counter.fetch_add(n, relaxed);
    else
      bump(counter, n);
  }

  const actor_class* const class_;
  const bool shared_;
  atomic<std::uint32_t> until_{0};  // of several writers some count may be lost
  atomic<std::uint64_t> handled_{0}, failed_{0}, ended_{0}, restarts_{0};
  std::array<atomic<std::uint64_t>, loss_kinds> lost_{};
  live_histogram times_;
  class_meter* next_ = nullptr;  // in the list of its slot; set before it is published
};

/// The meters of a runtime: a list of them for each worker, and one for all other threads.
///
/// CM2. A meter is put in front of its list by the worker whose slot it is, or under the lock of the last slot, and
///     stays: the release of whoever puts it there pairs with the acquire of the readers.
class class_meters {
public:
  explicit class_meters(std::size_t workers) : slots_(workers + 1) {}
  class_meters(const class_meters&) = delete;
  class_meters& operator=(const class_meters&) = delete;
  ~class_meters();

  /// The meter of the class in a slot, which is that of the calling thread (`core::meter_of`). Null for want of
  /// memory: then it is not measured.
  class_meter* of(const actor_class& c, std::size_t where) noexcept;

  /// Calls `visit(const class_meter&)` for each. Any thread.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const slot& s : slots_)
      for (const class_meter* m = s.first.load(acquire); m; m = m->next_) visit(*m);
  }

private:
  static constexpr std::size_t remembered = 16;  // a power of two

  struct alignas(cache_line) slot {
    atomic<class_meter*> first{nullptr};
    std::array<class_meter*, remembered> recent{};  // by a hash of the class; the worker's own
  };

  class_meter* find_or_make(slot& s, const actor_class& c, bool shared) noexcept;

  std::vector<slot> slots_;
  std::mutex others_;  // of the last slot
};

}  // namespace troupe::detail
