#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <troupe/base/atomic.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/local_binding.hpp>
#include <troupe/scheduler/interval.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/task.hpp>

// Calling plain functions later, as the loop of Python's asyncio does: `call_soon`, `call_later`, `call_at`; and
// `call_every`. What is called runs as a job of the scheduler, in a slice of its own, on any of its workers, and sees
// the task-local values of whoever asked for the call. An exception that leaves it is a line in the log.

namespace troupe {

namespace detail {

/// A call that is to be made, once or again and again.
///
/// TC1. `state_` decides whether the call is made. Whoever takes the timer out cancels the call, and nothing is left of
///      it; where there is no timer to take out, the job that is queued or at work, or about to arm it, finds it
///      cancelled.
/// TC2. References: those of the handles, and one for as long as the timer is armed, the job queued, or the call being
///      made. Whoever gives that one up destroys the callable.
class timed_call : public job, public timer {
public:
  timed_call(const timed_call&) = delete;
  timed_call& operator=(const timed_call&) = delete;

  /// Makes it runnable at once. Call it or the next once, after making.
  void start_now();
  /// Arms it for a point in time of the scheduler's clock.
  void start_at(std::int64_t deadline);
  /// The same, and again each `period` after that.
  void start_every(std::int64_t period, missed_tick policy);

  bool cancel() noexcept;
  bool cancelled() const noexcept { return state_.load(acquire) == state::cancelled; }
  std::int64_t when() const noexcept { return when_.load(relaxed); }

  void retain() noexcept { refs_.fetch_add(1, relaxed); }
  void release_one() noexcept {
    // The last reference needs no exchange: nobody else can add one. Pairs with the releases of the others.
    if (refs_.load(acquire) == 1 || refs_.fetch_sub(1, acq_rel) == 1) destroy();
  }

protected:
  explicit timed_call(scheduler& home) noexcept : home_(&home) {}
  ~timed_call() = default;

private:
  enum class state : std::uint8_t { waiting, running, done, cancelled };

  virtual void call() = 0;
  virtual std::string what() const = 0;  // it is for; empty: unknown
  virtual void drop_callable() noexcept = 0;
  virtual void destroy() noexcept = 0;

  void run() noexcept final;
  void fire() noexcept final;
  void dropped() noexcept final { end_unmade(); }
  void abandoned() noexcept final { end_unmade(); }
  void call_and_catch() noexcept;
  void again() noexcept;
  void end_unmade() noexcept;
  void end() noexcept;

  scheduler* home_;
  std::int64_t period_ = 0;  // 0: once
  missed_tick policy_ = missed_tick::burst;
  // waiting -> running -> done (the job), or, if it is periodic, waiting again; waiting -> cancelled, and a periodic
  // one also running -> cancelled (a canceller). Each change is acq_rel and pairs with the next.
  atomic<state> state_{state::waiting};
  atomic<std::uint32_t> refs_{2};  // TC2
  atomic<std::int64_t> when_{0};   // relaxed: it guards nothing
};

template <class F>
class timed_call_of final : public timed_call {
public:
  static timed_call_of* make(scheduler& home, F f) {
    void* memory = pool_allocate(sizeof(timed_call_of), alignof(timed_call_of));
    try {
      return new (memory) timed_call_of(home, std::move(f));
    } catch (...) {  // what the move of the callable throws
      pool_free(memory, sizeof(timed_call_of), alignof(timed_call_of));
      throw;
    }
  }

private:
  timed_call_of(scheduler& home, F f) : timed_call(home), f_(std::in_place, std::move(f)) {}
  ~timed_call_of() = default;

  void call() override { (*f_)(); }
  std::string what() const override {
    if constexpr (requires(const F& f) {
                    { f.what() } -> std::same_as<std::string>;
                  })
      return f_->callable().what();
    else
      return {};
  }
  void drop_callable() noexcept override { f_.reset(); }
  void destroy() noexcept override {
    this->~timed_call_of();
    pool_free(this, sizeof(timed_call_of), alignof(timed_call_of));
  }

  std::optional<with_locals<F>> f_;
};

}  // namespace detail

/// A call that has been asked for. Dropping it does not cancel the call, as with asyncio's handles; copies stand for
/// the same call. It may outlive the scheduler, but `cancel` must not meet its destruction. A call that the end of the
/// scheduler has dropped is `cancelled`, and one line in the log says how many there were, periodic ones left out. Any
/// thread.
class timer_handle {
public:
  /// Stands for no call.
  timer_handle() = default;
  /// Internal; takes over a reference.
  explicit timer_handle(detail::timed_call& c) noexcept : call_(&c) {}
  timer_handle(const timer_handle& other) noexcept : call_(other.call_) {
    if (call_) call_->retain();
  }
  timer_handle(timer_handle&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  timer_handle& operator=(timer_handle other) noexcept {
    std::swap(call_, other.call_);
    return *this;
  }
  ~timer_handle() {
    if (call_) call_->release_one();
  }

  /// Calls it off, in constant time. True if a call that was to come will not come; false if none was: the one call has
  /// been made, is being made or was called off before. A periodic one can be called off from within.
  bool cancel() noexcept { return call_ && call_->cancel(); }

  /// True once it has been called off, by `cancel` or by the end of the scheduler.
  bool cancelled() const noexcept { return call_ && call_->cancelled(); }

  /// When it is or was to come, the next time if it is periodic: of the steady clock, or of virtual time.
  std::chrono::steady_clock::time_point when() const noexcept {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(call_ ? call_->when() : 0));
  }

private:
  detail::timed_call* call_ = nullptr;
};

namespace detail {

template <class F>
timed_call& make_timed_call(scheduler& home, F f) {
  static_assert(std::is_invocable_v<F&>, "troupe: what is called later takes no arguments; give it a lambda");
  static_assert(!is_task<std::invoke_result_t<F&>>,
                "troupe: what is called later is a plain function; for a coroutine spawn a green thread that sleeps");
  return *timed_call_of<F>::make(home, std::move(f));
}

}  // namespace detail

/// Calls `f()` as soon as a worker is free, after those that were asked for before by the same thread if there is one
/// worker. Any thread, and from within such calls.
template <class F>
timer_handle call_soon(scheduler& home, F f) {
  detail::timed_call& c = detail::make_timed_call(home, std::move(f));
  c.start_now();
  return timer_handle(c);
}

/// Calls `f()` once, at `when` or as soon after it as a worker is free: of the steady clock, or of virtual time where
/// time is virtual. A run loop, and one worker that is not held up, make the calls in the order of their times. Any
/// thread.
template <class F>
timer_handle call_at(scheduler& home, std::chrono::steady_clock::time_point when, F f) {
  detail::timed_call& c = detail::make_timed_call(home, std::move(f));
  c.start_at(std::chrono::nanoseconds(when.time_since_epoch()).count());
  return timer_handle(c);
}

/// The same, `delay` from now.
template <class F>
timer_handle call_later(scheduler& home, std::chrono::nanoseconds delay, F f) {
  detail::timed_call& c = detail::make_timed_call(home, std::move(f));
  c.start_at(deadline_after(home.now(), delay));
  return timer_handle(c);
}

/// Calls `f()` again and again, the first time `period` from now, without drift and never twice at a time. Whoever
/// waits for everything to come to rest does not wait for it, and a shutdown ends it. Throws `troupe_error`
/// (`invalid_argument`) if the period is not positive. Any thread.
template <class F>
timer_handle call_every(scheduler& home, std::chrono::nanoseconds period, F f,
                        missed_tick policy = missed_tick::burst) {
  if (period.count() <= 0) throw troupe_error(errc::invalid_argument, "the period of a call must be positive");
  detail::timed_call& c = detail::make_timed_call(home, std::move(f));
  c.start_every(period.count(), policy);
  return timer_handle(c);
}

}  // namespace troupe
