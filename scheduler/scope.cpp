#include <troupe/scheduler/scope.hpp>

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <fmt/format.h>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/detail/strand_extras.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (...) {
    return current_exception_text();
  }
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

namespace {

[[noreturn]] void only_the_actor_receives() noexcept {
  std::fputs("troupe: co_await receive() in a child of a scope: only the actor itself can receive\n", stderr);
  std::abort();
}

}  // namespace

// --- a child -------------------------------------------------------------------------------------------------------

scope_child::scope_child(scheduler& home) : strand(home) { inherit_locals(*this); }

void scope_child::run() noexcept {
  end_wait();
  if (worker* w = current_worker()) w->show(this, "green thread");
  if (killed()) {
    if (abandon_forks()) finish(nullptr, true);
    return;
  }
  trampoline loop(*this);
  if (!begun_) {
    begun_ = true;
    try {
      resume_at = begin();
    } catch (...) {
      return finish(std::current_exception(), false);
    }
  }
  switch (loop.run(resume_at)) {
    case pause::suspended: return;
    case pause::yielded: return home().reschedule(*this);
    case pause::receiving: only_the_actor_receives();
    case pause::none: return finish(failure(), false);
  }
}

std::string scope_child::describe() const { return fmt::format("green thread {}", home().label(*this)); }

// Inlined into a walk over a list it makes g++ 12 warn of the list's end.
[[gnu::noinline]] void scope_child::request_kill() noexcept {
  killed_.store(true, troupe::release);
  cancel_waits();
}

void scope_child::finish(std::exception_ptr thrown, bool was_killed) noexcept {
  end(thrown, was_killed);
  home().strands().remove(*this);
  if (thrown && waits_cancelled() && is_cancellation(thrown)) thrown = nullptr;
  scope_base& s = *scope_;
  s.child_ended(*this, std::move(thrown), was_killed);
  release();
  // SC1: from here on the scope may go. Releases what the child has done to whoever sees zero; pairs with the acquire of
  // the other children and of the owner.
  strand& owner = *s.owner_;
  if (s.pending_.fetch_sub(1, acq_rel) == 1) owner.wake();
}

// --- the scope -----------------------------------------------------------------------------------------------------

void scope_base::start(scope_child& c) noexcept {
  c.scope_ = this;
  home().strands().add(c);
  bool stop = false;
  {
    std::lock_guard lock(lock_);
    pending_.fetch_add(1, relaxed);  // the caller counts already
    stop = stopped_;
    (stop ? told_ : children_).push_back(c);
    if (killed_) c.killed_.store(true, troupe::release);
  }
  if (stop) c.cancel_waits();
  home().schedule(c);
}

void scope_base::child_ended(scope_child& c, std::exception_ptr thrown, bool) noexcept {
  {
    std::lock_guard lock(lock_);
    c.unlink();
  }
  if (thrown) fail(std::move(thrown));
}

void scope_base::fail(std::exception_ptr thrown) noexcept {
  {
    std::lock_guard lock(lock_);
    if (stopped_ && is_cancellation(thrown)) return;  // as it was told
    if (!failure_) std::swap(failure_, thrown);
  }
  if (thrown)
    log_failure(thrown);
  else
    cancel();
}

void scope_base::log_failure(const std::exception_ptr& thrown) noexcept {
  log_line(fmt::format("another failure in a scope that was called off: {}", text_of(thrown)));
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

void scope_base::stop_children() noexcept {
  for (;;) {
    scope_child* c = nullptr;
    {
      std::lock_guard lock(lock_);
      c = children_.pop_front();
      if (!c) return;
      told_.push_back(*c);
      c->retain();  // SC3
    }
    c->request_stop();
    c->release();
  }
}

void scope_base::kill_children() noexcept {
  std::lock_guard lock(lock_);
  stopped_ = killed_ = true;
  for (scope_child& c : children_) c.request_kill();
  for (scope_child& c : told_) c.request_kill();
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
    stopped_ = true;
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
