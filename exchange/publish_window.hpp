#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include <troupe/base/spin_lock.hpp>
#include <troupe/exchange/confirm.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

namespace detail {

/// The messages of one publisher that have not been answered for.
///
/// PW1. `unsettled_` counts them, and `open` while the publisher is there. Whoever brings it to zero has it destroyed
///      once nobody is inside `settled` any more: those are pinned.
/// PW2. Whoever waits says so in `waiting_`, then looks at `unsettled_`; `settled` lowers that, then looks at
///      `waiting_` (all seq_cst). So one of the two sees the other. Whoever waits for room is woken when half of the
///      window is free, not for each message.
class window_state final : public confirmation {
  struct request;

public:
  explicit window_state(std::size_t limit) noexcept : limit_(limit) {}

  std::size_t unsettled() const noexcept { return static_cast<std::size_t>(unsettled_.load(acquire) & ~open); }
  std::uint64_t given_up() const noexcept { return given_up_.load(relaxed); }

  void published() noexcept { unsettled_.fetch_add(1, relaxed); }
  void not_published() noexcept { unsettled_.fetch_sub(1, relaxed); }
  void settled(std::size_t n, const error* why) noexcept override;
  /// The publisher goes.
  void leave() noexcept;

  /// Operations that wait until there is room for one more, or none is left.
  auto room() noexcept;
  auto emptied() noexcept;

private:
  static constexpr std::uint64_t open = std::uint64_t{1} << 63;

  void wake() noexcept;

  const std::size_t limit_;
  atomic<std::uint64_t> unsettled_{open};  // PW1, PW2
  atomic<bool> waiting_{false};            // PW2; written under guard_
  atomic<std::size_t> wake_at_{0};         // how many may be left; set before `waiting_`
  atomic<std::uint64_t> given_up_{0};
  spin_lock guard_;
  wait_line line_;
};

struct window_state::request {
  window_state* w;
  std::size_t below;    // so many
  std::size_t wake_at;  // if it has to wait

  spin_lock& guard() noexcept { return w->guard_; }
  bool try_fast(const void*) noexcept { return w->unsettled() < below; }
  bool try_locked(wait_node& n) noexcept {
    w->wake_at_.store(wake_at, relaxed);
    w->waiting_.store(true, seq_cst);
    if ((w->unsettled_.load(seq_cst) & ~open) < below) return true;
    w->line_.push(n);
    return false;
  }
  void give_back() noexcept {}
  void left(wake_list&) noexcept {}
  void finish(const wait_end& how) { ended<void>(how, "acknowledgements in a publish_window"); }
};

inline auto window_state::room() noexcept { return operation(request{this, limit_, limit_ / 2}); }
inline auto window_state::emptied() noexcept { return operation(request{this, 1, 0}); }

}  // namespace detail

/// Publishes to a queue with a limit on what is under way: a publisher waits for room before the next message, and
/// there is room once consumers have acknowledged enough of those before. So a fast publisher does not fill the memory,
/// and knows when all of its own is done.
///
///     troupe::publish_window<job> window(jobs, 64);
///     for (auto& j : work) {
///       co_await window.room();
///       window.publish(std::move(j));
///     }
///     co_await window.emptied();
///
/// Of one publisher: not to be used by two threads at a time. It may go while messages are under way.
template <class M>
class publish_window {
public:
  /// At most `limit` messages, at least 1, are under way. Throws `troupe_error` (`invalid_argument`) if it is 0, the
  /// exchange is no queue, or one that would refuse messages before so many are there (`queue::limit`).
  publish_window(exchange<M> to, std::size_t limit) : to_(std::move(to)) {
    if (to_.kind() != exchange_kind::queue || limit == 0)
      throw troupe_error(errc::invalid_argument,
                         "publish_window on '" + to_.name() + "': give it a queue{} and a limit of 1 or more");
    if (const queue& options = to_.state().acknowledged()->options();
        options.when_full == overflow::fail && options.limit < limit)
      throw troupe_error(errc::invalid_argument, "publish_window on '" + to_.name() + "': it lets " +
                                                     std::to_string(limit) +
                                                     " messages be under way, and the queue has room for " +
                                                     std::to_string(options.limit) + ": give a window of at most that");
    state_ = new detail::window_state(limit);
  }
  publish_window(publish_window&& other) noexcept
      : to_(std::move(other.to_)), state_(std::exchange(other.state_, nullptr)) {}
  publish_window& operator=(publish_window&&) = delete;
  ~publish_window() {
    if (state_) state_->leave();
  }

  /// Waits until fewer than `limit` are under way; where it has to wait, until at most half of them are:
  /// `co_await window.room()`, or `window.room().get()` on an OS thread. Throws `troupe_error`: `cancelled` if the
  /// caller is told to stop.
  auto room() noexcept { return state_->room(); }

  /// Waits until none is under way: all are acknowledged, or given up. As `room`.
  auto emptied() noexcept { return state_->emptied(); }

  /// Publishes, beyond the limit too; never waits. False if the queue has refused the message, for its own limit or as
  /// the runtime has ended. Throws `std::bad_alloc`.
  [[nodiscard]] bool publish(M&& message) {
    state_->published();  // before anybody can answer for it
    bool taken = false;
    try {
      taken = to_.publish_watched(std::move(message), *state_);
    } catch (...) {
      state_->not_published();
      throw;
    }
    if (!taken) state_->not_published();
    return taken;
  }
  [[nodiscard]] bool publish(const M& message) { return publish(M(message)); }

  /// How many messages are under way: waiting or with a consumer that has not answered yet.
  std::size_t unacknowledged() const noexcept { return state_->unsettled(); }
  /// How many have been given up since it was made: as dead letters, or at the end of the runtime.
  std::uint64_t given_up() const noexcept { return state_->given_up(); }

private:
  exchange<M> to_;
  detail::window_state* state_ = nullptr;
};

}  // namespace troupe
