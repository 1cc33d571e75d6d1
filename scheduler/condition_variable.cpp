#include <troupe/scheduler/condition_variable.hpp>

namespace troupe {

namespace detail {

condition_wait_base::condition_wait_base(condition_variable& c, mutex* m, mutex::guard* held,
                                         std::chrono::nanoseconds timeout) noexcept
    : line_wait(c.guard_), condition_(&c), mutex_(m), held_(held), timeout_(timeout), regain_(*this) {}

bool condition_wait_base::begin() {
  if (party) used_twice();
  party = current_party();
  refused_ = !mutex_ || mutex_->owner() != party;
  return !refused_;
}

/// False if the wait was called off before it began; then the mutex is still held.
bool condition_wait_base::publish(wait_node*& next) noexcept {
  std::lock_guard lock(*guard_);
  if (outcome_ != wait_outcome::pending) return false;
  condition_->line_.push(*this);
  condition_->waited_for_.store(true, relaxed);
  next = mutex_->pass_on(party);  // CV1
  return true;
}

void condition_wait_base::suspend(std::coroutine_handle<> h) {
  for_strand_ = true;
  unlocking(*mutex_, party);
  announce(suspend_current(h), timeout_);
  wait_node* next = nullptr;
  if (!publish(next)) return go_on(h);
  // The party may run again at this very moment: nothing of this may be touched any more.
  if (next) next->resume();
}

void condition_wait_base::end_suspension() noexcept {
  if (refused_) return;
  settle();
  locked(*mutex_, party);
}

void condition_wait_base::block() {
  unlocking(*mutex_, party);
  blocked_thread here(*this);
  wait_node* next = nullptr;
  publish(next);  // nobody calls off the wait of a thread
  if (next) next->resume();
  here.wait(timeout_);
  const result<void> again = operation(lock_request<mutex, result<void>>{mutex_}).get();
  if (again) return;
  lost_ = again.error();
  if (held_) held_->held_ = nullptr;
}

std::optional<error> condition_wait_base::failure() const {
  if (refused_)
    return error(errc::invalid_argument, "a wait for a condition needs a mutex that the one who waits holds");
  if (lost_) return lost_;
  if (outcome_ == wait_outcome::granted) return std::nullopt;
  return error_of({outcome_, timeout_}, "a notification of a condition");
}

void condition_wait_base::resume() noexcept {
  if (!for_strand_) return line_wait::resume();
  regain_.party = party;
  bool taken = false;
  {
    std::lock_guard lock(mutex_->guard_);
    taken = mutex_->take_or_queue(regain_);
  }
  if (taken) line_wait::resume();
}

}  // namespace detail

void condition_variable::notify_one() noexcept {
  if (!waited_for_.load(relaxed)) return;
  detail::wake_list woken;
  std::lock_guard lock(guard_);
  if (detail::wait_node* n = line_.grant_one()) woken.add(*n);
  if (line_.empty()) waited_for_.store(false, relaxed);
}

void condition_variable::notify_all() noexcept {
  if (!waited_for_.load(relaxed)) return;
  detail::wake_list woken;
  std::lock_guard lock(guard_);
  line_.grant_all(woken);
  waited_for_.store(false, relaxed);
}

}  // namespace troupe
