#include <troupe/scheduler/thread.hpp>

namespace troupe::detail {

namespace {
// The `thread` that the calling thread is.
constinit thread_local const thread_state* this_thread_state = nullptr;
}  // namespace

bool thread_state::runs_caller() const noexcept { return this_thread_state == this; }

error thread_state::why_not_over(const error& of_the_wait) const {
  if (of_the_wait.code() != errc::timeout) return of_the_wait;
  return error(errc::timeout, "thread \"" + name() + "\" has not ended in time");
}

void thread_state::start(scheduler& home) {
  // From the moment it is enlisted the end of the runtime may come to it: before it has started, or after that.
  const bool enlisted = home.roster()->enlist(shared_from_this());
  std::lock_guard guard(mutex_);
  if (!enlisted || ended_)
    throw troupe_error(errc::shutdown, "the runtime has been shut down: thread \"" + name() + "\" cannot be started");
  if (home.deterministic()) {
    keep_ = shared_from_this();
    return home.schedule(*this);
  }
  const std::shared_ptr<thread_roster> roster = daemon() ? nullptr : home.roster();
  const auto body = [self = shared_from_this(), roster] {
    this_thread_state = self.get();
    self->call();
    if (roster) roster->helpers().rest();
  };
  auto entry = thread_roster::add(home.roster(), name(), thread_role::own, daemon());
  if (roster) roster->helpers().begin();
  try {
    native_.start(std::move(entry), body, over_);
  } catch (...) {
    if (roster) roster->helpers().rest();
    throw;
  }
}

void thread_state::run() noexcept {
  const auto self = std::move(keep_);
  const thread_state* const outer = std::exchange(this_thread_state, this);
  call();
  this_thread_state = outer;
  over_->set();
}

void thread_state::end(std::int64_t deadline, std::vector<std::string>& stuck) noexcept {
  std::lock_guard guard(mutex_);
  ended_ = true;
  if (native_.join_until(daemon() ? 0 : deadline)) return;
  if (!daemon()) stuck.push_back(name());
  native_.detach();
}

}  // namespace troupe::detail
