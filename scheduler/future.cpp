#include <troupe/scheduler/future.hpp>

namespace troupe::detail {

void future_state_base::complete() noexcept {
  const std::uintptr_t waiter = waiter_.exchange(done, acq_rel);
  if (waiter == pending) return;
  if (waiter & is_thread)
    reinterpret_cast<parker*>(waiter & ~is_thread)->unpark();
  else
    reinterpret_cast<strand*>(waiter)->wake();
}

bool future_state_base::fail(error e) noexcept {
  if (!claim()) return false;
  if (asked_) e = error(e.code(), e.message() + " (" + question_ + " asked of " + asked_->describe() + ")");
  set_error(std::move(e));
  complete();
  return true;
}

void future_state_base::fire() noexcept {
  fail(error(errc::timeout, "no result came in time"));
  release_one();
}

void future_state_base::await(std::coroutine_handle<> h, std::chrono::nanoseconds timeout) {
  strand& self = suspend_current(h);
  // Whoever gives the result may resume the strand at once, which may end the future: hold on to the state.
  retain();
  if (timeout != forever) {
    retain();  // F3: the timer's
    armed_ = true;
    home_->arm(*this, deadline_after(home_->now(), timeout));
  }
  const bool looks = owner_ && timeout == forever;
  if (looks) enter_graph(&self);
  self.begin_wait(*this, holds_up_);
  std::uintptr_t expected = pending;
  if (!waiter_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(&self), acq_rel, acquire)) {
    // The result is there already. A strand that is told to stop is looked at between slices.
    self.end_wait();
    trampoline& t = current_trampoline();
    t.why = self.waits_cancelled() || t.left == 0 ? pause::yielded : pause::none;
    if (t.why == pause::none) t.next = h;
  } else if (looks) {
    look_for_deadlock(&self);
  }
  release_one();
}

const void* future_state_base::blocker() noexcept {
  // A read-modify-write: if it comes before the exchange that publishes the wait, then that one has seen what happened
  // before this (WG4).
  const std::uintptr_t waiter = waiter_.fetch_add(0, acq_rel);
  return waiter == pending || waiter == done || claimed_.load(acquire) ? nullptr : owner_;
}

bool future_state_base::give_up(std::unique_ptr<std::string> story) noexcept {
  fail(error(errc::deadlock, std::move(*story)));  // wakes the waiter
  return false;
}

namespace {

/// An OS thread that waits for a future.
class blocked_thread final : public wait_condition {
public:
  explicit blocked_thread(const future_state_base& state) : state_(&state) {}
  bool holds() const noexcept override { return state_->ready(); }
  void sleep_until(std::int64_t deadline) noexcept override { woken_ = here_.park(deadline) || woken_; }

  /// The future has seen this thread: its wake must have come before the parker goes.
  void await_wake() noexcept {
    if (!woken_) here_.park();
  }
  std::uintptr_t tagged(std::uintptr_t tag) noexcept { return reinterpret_cast<std::uintptr_t>(&here_) | tag; }

private:
  const future_state_base* state_;
  parker here_;
  bool woken_ = false;
};

}  // namespace

void future_state_base::block(std::chrono::nanoseconds timeout) {
  if (ready()) return;
  blocked_thread self(*this);
  const bool looks = owner_ && timeout == forever;
  if (looks) enter_graph(current_party());
  std::uintptr_t expected = pending;
  if (!waiter_.compare_exchange_strong(expected, self.tagged(is_thread), acq_rel, acquire)) return;
  if (looks) look_for_deadlock(current_party());
  // A worker of another scheduler is stood in for there, if it can be: the result comes from elsewhere.
  worker* here = current_worker();
  scheduler* const lent = here && &here->owner() != home_ && here->owner().begin_blocking() ? &here->owner() : nullptr;
  const scheduler::waited how = home_->wait(self, deadline_after(home_->now(), timeout));
  if (lent) lent->end_blocking();
  expected = self.tagged(is_thread);
  if (how == scheduler::waited::held || !waiter_.compare_exchange_strong(expected, pending, acq_rel, acquire))
    return self.await_wake();
  switch (how) {
    case scheduler::waited::held:
    case scheduler::waited::timeout: fail(error(errc::timeout, "no result came in time")); break;
    case scheduler::waited::stuck: fail(error(errc::deadlock, "nothing is left that could bring the result")); break;
    case scheduler::waited::refused:
      fail(error(errc::would_deadlock, "get() would block a worker that the result may need; use co_await"));
      break;
  }
}

}  // namespace troupe::detail
