#include <troupe/scheduler/scope.hpp>

#include <mutex>
#include <utility>

#include <fmt/format.h>

#include <troupe/base/asymmetric.hpp>
#include <troupe/base/log.hpp>
#include <troupe/scheduler/strand.hpp>

namespace troupe::detail {

void refuse_task(std::size_t place) {
  throw troupe_error(
      errc::invalid_argument,
      fmt::format("task {} of those to wait for cannot run: it was moved from, or has run before", place));
}

bool is_cancellation(const std::exception_ptr& thrown) noexcept {
  try {
    std::rethrow_exception(thrown);
  } catch (const troupe_error& e) {
    return e.code() == errc::cancelled;
  } catch (...) {
    return false;
  }
}

bool scope_child::leave_scope(std::exception_ptr thrown) noexcept {
  if (thrown && waits_cancelled() && is_cancellation(thrown)) thrown = nullptr;
  scope_base& s = *scope_;
  {
    std::lock_guard lock(s.lock_);
    unlink();
  }
  s.child_ended(*this, std::move(thrown));
  std::lock_guard lock(s.lock_);
  ended_ = true;
  return !being_told_;
}

void scope_child::let_go_on(scope_base& in) noexcept {
  strand& owner = *in.owner_;
  // SC1: releases what the child has done to whoever sees zero; pairs with the acquire of the other children and of the
  // owner.
  if (in.pending_.fetch_sub(1, acq_rel) == 1) owner.wake();
}

void scope_base::start(scope_child& c) noexcept {
  c.scope_ = this;
  home().strands().add(c);
  bool stop = false;
  {
    std::lock_guard lock(lock_);
    pending_.fetch_add(1, relaxed);  // the caller counts already
    stop = stopped_;
    (stop ? told_ : children_).push_back(c);
    if (killed_) c.request_kill();
  }
  if (stop) c.cancel_waits();
  home().schedule(c);
}

void scope_base::child_ended(scope_child& c, std::exception_ptr thrown) noexcept {
  if (thrown) fail(std::move(thrown), &c);
}

void scope_base::fail(std::exception_ptr thrown, const scope_child* c) noexcept {
  {
    std::lock_guard lock(lock_);
    if (stopped_ && is_cancellation(thrown)) return;  // as it was told
    if (!failure_) std::swap(failure_, thrown);
  }
  if (thrown)
    log_failure(thrown, c);
  else
    cancel();
}

void scope_base::log_failure(const std::exception_ptr& thrown, const scope_child* c) noexcept {
  log_line(fmt::format("{} failed as well, in a scope that was called off: {}", c ? title_of(*c) : "the body",
                       crash_of(thrown).message()));
}

void scope_base::cancel() noexcept {
  {
    std::lock_guard lock(lock_);
    if (stopped_) return;
    stopped_ = true;
  }
  cancel_region::cancel();
  stop_children();
}

bool scope_base::cancelled() const noexcept {
  std::lock_guard lock(lock_);
  return stopped_;
}

bool scope_base::called_off() const noexcept {
  std::lock_guard lock(lock_);
  return called_off_;
}

void scope_base::stop_children() noexcept {
  for (;;) {
    scope_child* c = nullptr;
    {
      std::lock_guard lock(lock_);
      c = children_.pop_front();
      if (!c) return;
      told_.push_back(*c);
      c->being_told_ = true;  // SC3
    }
    c->request_stop();
    bool last = false;
    {
      std::lock_guard lock(lock_);
      c->being_told_ = false;
      last = c->ended_;
    }
    if (last) c->finish();
  }
}

void scope_base::kill_children() noexcept {
  std::lock_guard lock(lock_);
  stopped_ = killed_ = true;
  if (children_.empty() && told_.empty()) return;
  const auto all = [this](auto f) {
    for (scope_child& c : children_) f(c);
    for (scope_child& c : told_) f(c);
  };
  all([](scope_child& c) { c.mark_killed(); });
  heavy_barrier();  // one for all: it interrupts every core
  all([](scope_child& c) { c.call_off(); });
}

void scope_base::suspend(std::coroutine_handle<> h) noexcept {
  strand& self = suspend_current(h);
  self.begin_wait(*this, false);
  joined_ = true;
  if (pending_.fetch_sub(1, acq_rel) != 1) return;
  self.end_wait();
  trampoline& t = current_trampoline();
  // A strand that is told to stop is looked at between slices.
  t.why = self.waits_cancelled() || t.left == 0 ? pause::yielded : pause::none;
  if (t.why == pause::none) t.next = h;
}

void scope_base::cancel_wait() noexcept {
  if (owner_->killed()) return kill_children();
  {
    std::lock_guard lock(lock_);
    if (!std::exchange(stopped_, true)) called_off_ = true;  // else it is the scope's own `cancel` that has come
  }
  stop_children();
}

bool scope_base::strand_killed() noexcept {
  if (joined_) return true;  // the last child is what has woken the strand
  kill_children();
  joined_ = true;
  return pending_.fetch_sub(1, acq_rel) == 1;
}

void scope_base::close() {
  leave();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace troupe::detail
