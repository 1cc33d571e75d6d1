#include <troupe/scheduler/wait.hpp>

#include <string>
#include <thread>

namespace troupe::detail {

error error_of(wait_outcome outcome, const char* what) {
  const std::string name(what);
  switch (outcome) {
    case wait_outcome::pending:
    case wait_outcome::granted: break;
    case wait_outcome::timeout: return error(errc::timeout, "the time was over before " + name + " could be had");
    case wait_outcome::cancelled: return error(errc::cancelled, "told to stop while waiting for " + name);
    case wait_outcome::closed: return error(errc::closed, name + " is closed");
    case wait_outcome::deadlock: return error(errc::deadlock, "nobody is left who could end the wait for " + name);
    case wait_outcome::would_deadlock:
      return error(errc::would_deadlock, "get() would block the only thread that could end the wait for " + name +
                                             "; use co_await in a green thread or a handler");
  }
  return error(errc::invalid_argument, "the wait for " + name + " has not ended");
}

constinit thread_local char thread_mark = 0;

bool line_wait::end(wait_outcome how) noexcept {
  if (outcome_ != wait_outcome::pending) return false;
  outcome_ = how;
  if (wait_node::linked()) wait_node::unlink();
  return true;
}

/// Ends the wait in place of whoever would have granted it. True if the party is to be resumed: its node was linked.
bool line_wait::leave(wait_outcome how) noexcept {
  wake_list woken;
  std::lock_guard lock(*guard_);
  if (outcome_ != wait_outcome::pending) return false;  // and whoever ended it may be linking the node elsewhere
  const bool waits = wait_node::linked();
  end(how);
  if (waits) left(woken);
  return waits;
}

void party_wait::wake_party() noexcept {
  if (strand_)
    strand_->wake();
  else
    thread_->wake();
}

void party_wait::arm(std::chrono::nanoseconds timeout) {
  timed_ = true;
  strand_->home().arm(*this, deadline_after(strand_->home().now(), timeout));
}

void party_wait::go_on(std::coroutine_handle<> h) noexcept {
  strand_->end_wait();
  trampoline& t = current_trampoline();
  // A strand that is told to stop is looked at between slices.
  t.why = strand_->waits_cancelled() || t.left == 0 ? pause::yielded : pause::none;
  if (t.why == pause::none) t.next = h;
}

void party_wait::disarm() noexcept {
  timed_ = false;
  if (strand_->home().cancel(*this)) return;
  while (!fired_.load(acquire)) std::this_thread::yield();  // pairs with `fire`
}

void party_wait::fire() noexcept {
  strand* waiter = strand_;
  const bool ours = leave(wait_outcome::timeout);
  fired_.store(true, release);
  if (ours) waiter->wake();
}

void party_wait::cancel_wait() noexcept {
  strand* waiter = strand_;
  if (leave(wait_outcome::cancelled)) waiter->wake();
}

void party_wait::blocked_thread::wait(std::chrono::nanoseconds timeout) noexcept {
  worker* here = current_worker();
  const bool may_block = !here || here->owner().begin_blocking();
  scheduler* const loop = here ? nullptr : driven_by_this_thread();
  if (may_block) {
    if (loop) {
      loop->wait(*this, deadline_after(loop->now(), timeout));
    } else {
      const std::int64_t deadline = deadline_after(steady_now(), timeout);
      while (!holds() && (deadline == timers::never || steady_now() < deadline)) sleep_until(deadline);
    }
    if (here) here->owner().end_blocking();
  }
  const wait_outcome how = !may_block           ? wait_outcome::would_deadlock
                           : timeout == forever ? wait_outcome::deadlock
                                                : wait_outcome::timeout;
  if (!holds() && wait_->leave(how)) return;
  if (!woken_) parker_.park();  // granted meanwhile: this thread must not go on before `wake` is done with it
}

}  // namespace troupe::detail
