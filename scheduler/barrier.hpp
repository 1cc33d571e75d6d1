#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// Lets a number of parties meet again and again, as `std::barrier` does, for green threads, handlers
/// (`co_await b.arrive_and_wait()`) and OS threads (`b.arrive_and_wait().get()`) alike. All functions may be called
/// from any thread; it must outlive every operation on it.
///
/// BR1. All is under the lock of the line. When the last of a phase arrives, the line becomes `leaving_`, and he who
///     arrived last runs the completion function without the lock; `phase_` goes on afterwards, and then they are
///     woken.
/// BR2. Who arrives for the next phase meanwhile is counted for that one; if all of them do, the same party completes
///     it too.
class barrier {
  struct request;

public:
  /// For `parties` in each phase. `completion` is run by the party that arrives last, before anybody goes on; it must
  /// not throw, and must not wait for one of those parties. Throws `troupe_error` (`invalid_argument`) for no parties,
  /// and for more than PTRDIFF_MAX, as a negative number is that was converted.
  explicit barrier(std::size_t parties, std::function<void()> completion = {});
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  /// Arrives `n` times and does not wait. `invalid_argument`, and nothing happens, if fewer are missing.
  result<void> arrive(std::size_t n = 1);

  /// Arrives and waits for the others. Throws `troupe_error`: `cancelled` if the caller is told to stop meanwhile (it
  /// has arrived all the same), `invalid_argument` if nobody is missing.
  auto arrive_and_wait() noexcept;

  /// Arrives, does not wait, and is expected no more. `invalid_argument` as for `arrive`.
  result<void> arrive_and_drop();

private:
  enum class arrival : std::uint8_t { refused, counted, last };

  arrival count(std::size_t n, bool drops, std::uint64_t& phase) noexcept;
  bool arrive(std::size_t n, bool drops, std::uint64_t& phase) noexcept;
  bool over_or_queue(detail::wait_node& n, std::uint64_t phase) noexcept;

  spin_lock guard_;
  std::size_t expected_;       // of the phases to come
  std::size_t left_;           // of the phase that one can arrive for now
  std::uint64_t phase_ = 0;    // the oldest that is not over
  bool completing_ = false;    // then one arrives for `phase_ + 1`
  detail::wait_line line_;     // of the phase that one can arrive for
  detail::wait_line leaving_;  // BR1
  std::function<void()> completion_;
};

struct barrier::request {
  barrier* b;
  std::uint64_t phase = 0;
  bool refused = false;

  spin_lock& guard() noexcept { return b->guard_; }
  bool try_fast(const void*) noexcept {
    refused = !b->arrive(1, false, phase);
    return refused;
  }
  bool try_locked(detail::wait_node& n) noexcept { return b->over_or_queue(n, phase); }
  void give_back() noexcept {}
  void left(detail::wake_list&) noexcept {}
  void finish(const detail::wait_end& how) {
    if (refused) throw troupe_error(errc::invalid_argument, "more parties arrived at a barrier than it expects");
    return detail::ended<void>(how, "the others at a barrier");
  }
};

inline auto barrier::arrive_and_wait() noexcept { return operation(request{this}); }

}  // namespace troupe
