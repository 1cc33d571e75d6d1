#include <troupe/scheduler/this_task.hpp>

#include <troupe/scheduler/side_thread.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe::this_task::detail {

void sleep_awaiter::await_suspend(std::coroutine_handle<> h) {
  if (self_) troupe::detail::used_twice();
  self_ = &troupe::detail::suspend_current(h);
  scheduler& home = self_->home();
  const std::int64_t deadline =
      relative_ ? deadline_after(home.now(), std::chrono::nanoseconds(deadline_ns)) : deadline_ns;
  home.arm(*this, deadline);
  self_->begin_wait(*this, false);  // its timer is due, and holds up a shutdown as such
  if (gate_.exchange(gate::armed, acq_rel) == gate::arming) return;
  // The timer or a canceller was quicker.
  self_->end_wait();
  // Go on in a slice of its own: a strand that is told to stop is looked at between slices.
  troupe::detail::current_trampoline().why = troupe::detail::pause::yielded;
}

void sleep_awaiter::end() noexcept {
  strand* self = self_;  // read before the exchange: afterwards this may be gone
  if (gate_.exchange(gate::over, acq_rel) == gate::armed) self->wake();
}

void sleep_awaiter::cancel_wait() noexcept {
  // Whoever takes the timer out of the wheel ends the sleep: the timer itself or this.
  if (!self_->home().cancel(*this)) return;
  cancelled_ = true;
  end();
}

}  // namespace troupe::this_task::detail

namespace troupe::this_task {

namespace {

strand* current() noexcept {
  const troupe::detail::trampoline* t = troupe::detail::this_trampoline;
  return t ? t->self : nullptr;
}

/// The actor that has the calling thread to itself; null if none has. Its handlers may block, also those that are no
/// coroutines or overlap others, and are told what it is told.
strand* actor_of_this_thread() noexcept {
  worker* const here = current_worker();
  const auto* const side = here ? dynamic_cast<const side_thread*>(&here->owner()) : nullptr;
  return side ? side->running() : nullptr;
}

}  // namespace

std::uint64_t id() {
  strand* self = current();
  return self ? self->root().id() : 0;
}

std::string name() {
  strand* self = current();
  return self ? self->root().name() : std::string();
}

std::stop_token stop_token() {
  strand* const actor = actor_of_this_thread();
  strand* const self = current();
  if (!self) return actor ? actor->stop_token() : std::stop_token();
  strand& root = self->root();
  if (actor && actor != &root) root.stop_with(*actor);
  return root.stop_token();
}

bool stop_requested() noexcept {
  const strand* const self = current();
  if (self && self->waits_cancelled()) return true;
  const strand* const actor = actor_of_this_thread();
  return actor && actor->waits_cancelled();
}

}  // namespace troupe::this_task
