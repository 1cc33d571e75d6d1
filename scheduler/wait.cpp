#include <troupe/scheduler/wait.hpp>

#include <string>
#include <thread>

namespace troupe::detail {

namespace {

/// The time in its largest unit that leaves no rest: "1500 us".
std::string in_words(std::chrono::nanoseconds time) {
  std::int64_t count = time.count();
  const char* unit = "ns";
  for (const char* larger : {"us", "ms", "s"}) {
    if (count == 0 || count % 1'000 != 0) break;
    count /= 1'000;
    unit = larger;
  }
  return std::to_string(count) + " " + unit;
}

}  // namespace

void check_count(std::size_t n, const char* what) {
  if (n > PTRDIFF_MAX)
    throw troupe_error(errc::invalid_argument, std::string(what) + " is " + std::to_string(n) + ", a negative number?");
}

void used_twice() {
  throw troupe_error(errc::invalid_argument,
                     "this operation was awaited before: what send(), receive(), lock() and the like give is for one "
                     "wait; call them again for each");
}

std::string this_party_name() {
  if (this_trampoline) return this_trampoline->self->describe();
  return name_of_thread(pthread_self());
}

error error_of(const wait_end& end, std::string_view what) {
  const std::string name(what);
  switch (end.how) {
    case wait_outcome::pending:
    case wait_outcome::granted: break;
    case wait_outcome::timeout:
      // A loop that has come to a limit of its own ends waits that have no time.
      return error(errc::timeout, "timed out" + (end.timeout == forever ? "" : " after " + in_words(end.timeout)) +
                                      ", waiting for " + name);
    case wait_outcome::cancelled: return error(errc::cancelled, "told to stop while waiting for " + name);
    case wait_outcome::closed: return error(errc::closed, name + " is closed");
    case wait_outcome::deadlock: return error(errc::deadlock, "nobody is left who could end the wait for " + name);
    case wait_outcome::would_deadlock:
      return error(errc::would_deadlock, "get() would block the only thread that could end the wait for " + name +
                                             "; use co_await in a green thread or a handler");
  }
  return error(errc::invalid_argument, "the wait for " + name + " has not ended");
}

constinit thread_local char thread_mark alignas(16) __attribute__((tls_model("initial-exec"))) = 0;

std::int64_t party_now() {
  if (this_trampoline) return this_trampoline->self->home().now();
  if (const worker* w = current_worker()) return w->owner().now();
  const scheduler* loop = driven_by_this_thread();
  return loop ? loop->now() : steady_now();
}

bool line_wait::leave(wait_outcome how) noexcept {
  wake_list woken;
  std::lock_guard lock(*guard_);
  if (outcome_ != wait_outcome::pending) return false;  // and whoever ended it may be using the link
  const bool waits = wait_node::linked();
  end(how);
  if (waits) left(woken);
  return waits;
}

void party_wait::wake_thread() noexcept { thread_->wake(); }

void party_wait::arm(std::chrono::nanoseconds timeout) {
  scheduler& home = strand_->home();
  new (static_cast<void*>(&limit_)) time_limit(*this);
  timed_ = true;
  home.arm(limit_, deadline_after(home.now(), timeout));
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
  if (!strand_->home().cancel(limit_)) {
    while (!limit_.fired.load(acquire)) yield_thread();  // pairs with `fire`
  }
  std::destroy_at(&limit_);
}

void party_wait::time_limit::fire() noexcept {
  party_wait& w = *wait_;
  const bool ours = w.leave(wait_outcome::timeout);
  // Pairs with `disarm`. If the wait is ours to resume, then the party stays, and all this with it, until it is
  // resumed.
  fired.store(true, release);
  if (ours) w.resume_party();
}

void party_wait::cancel_wait() noexcept {
  if (leave(wait_outcome::cancelled)) resume_party();
}

const void* owned_line_wait::blocker() noexcept {
  std::lock_guard lock(*guard_);
  return outcome_ == wait_outcome::pending && wait_node::linked() ? owner() : nullptr;
}

bool owned_line_wait::give_up(std::unique_ptr<std::string> story) noexcept {
  if (!leave(wait_outcome::deadlock)) return false;
  story_ = std::move(story);
  return true;
}

void party_wait::blocked_thread::wait(std::chrono::nanoseconds timeout, scheduler* provider) noexcept {
  wait_outcome how = wait_outcome::timeout;
  worker* here = current_worker();
  scheduler* const own = here ? &here->owner() : driven_by_this_thread();
  if (scheduler* const home = provider ? &provider->base() : own) {
    // A worker of another scheduler is stood in for there, if it can be: what it waits for comes from elsewhere.
    scheduler* const lent = here && own != home && own->begin_blocking() ? own : nullptr;
    switch (home->wait(*this, deadline_after(home->now(), timeout))) {
      case scheduler::waited::held:
      case scheduler::waited::timeout: break;
      case scheduler::waited::stuck: how = wait_outcome::deadlock; break;
      case scheduler::waited::refused: how = wait_outcome::would_deadlock; break;
    }
    if (lent) lent->end_blocking();
  } else {
    const std::int64_t deadline = deadline_after(steady_now(), timeout);
    while (!holds() && (deadline == timers::never || steady_now() < deadline)) sleep_until(deadline);
  }
  if (!holds() && wait_->leave(how)) return;
  if (!unparked_) parker_.park();  // granted meanwhile: this goes only when `wake` is done with it
}

}  // namespace troupe::detail
