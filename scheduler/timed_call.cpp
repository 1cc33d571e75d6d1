#include <troupe/scheduler/timed_call.hpp>

#include <string>
#include <utility>

#include <fmt/format.h>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

void timed_call::start_now() {
  when_.store(home_->now(), relaxed);
  home_->reschedule(*this);  // behind what was asked for before
}

void timed_call::start_at(std::int64_t deadline) {
  when_.store(deadline, relaxed);
  home_->arm(*this, deadline);
}

void timed_call::start_every(std::int64_t period, missed_tick policy) {
  period_ = period;
  policy_ = policy;
  in_background = true;
  start_at(deadline_after(home_->now(), std::chrono::nanoseconds(period)));
}

void timed_call::fire() noexcept {
  // Those that are due together run in the order of their deadlines.
  home_->reschedule(*this);
}

bool timed_call::cancel() noexcept {
  state was = state_.load(acquire);
  const auto to_come = [&] { return was == state::waiting || (was == state::running && period_ != 0); };
  if (!to_come()) return false;  // the scheduler may have gone
  if (home_->cancel(*this)) {
    was = state_.exchange(state::cancelled, acq_rel);
    end();
    return was == state::waiting;
  }
  while (!state_.compare_exchange_weak(was, state::cancelled, acq_rel, acquire)) {
    if (!to_come()) return false;
  }
  return true;
}

void timed_call::run() noexcept {
  if (worker* w = current_worker()) w->show(this, "timed call");
  state was = state::waiting;
  if (!state_.compare_exchange_strong(was, state::running, acq_rel, acquire)) return end();
  if (period_ == 0 || !home_->periodic_calls_ended()) call_and_catch();
  if (period_ != 0) return again();
  state_.store(state::done, release);
  end();
}

void timed_call::call_and_catch() noexcept {
  try {
    call();
  } catch (...) {
    log_line(fmt::format("a timed call ended with an exception: {}", current_exception_text()));
  }
}

void timed_call::again() noexcept {
  if (home_->periodic_calls_ended()) return end_unmade();
  state was = state::running;
  const std::int64_t next = next_tick(when(), home_->now(), period_, policy_);
  when_.store(next, relaxed);
  if (!state_.compare_exchange_strong(was, state::waiting, acq_rel, acquire)) return end();
  retain();  // it may fire, and be called off, at once
  home_->arm(*this, next);
  // A canceller that came before the timer was armed has not found it.
  if (cancelled() && home_->cancel(*this)) end();
  release_one();
}

/// Nobody will make the call any more.
void timed_call::end_unmade() noexcept {
  const state was = state_.exchange(state::cancelled, acq_rel);
  if (was == state::waiting && period_ == 0) {
    std::string for_what;
    try {
      for_what = what();
    } catch (...) {  // no memory: it is counted all the same
    }
    home_->note_dropped_call(std::move(for_what));
  }
  end();
}

/// TC2.
void timed_call::end() noexcept {
  drop_callable();
  release_one();
}

}  // namespace troupe::detail
