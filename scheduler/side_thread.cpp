#include <troupe/scheduler/side_thread.hpp>

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <troupe/base/error.hpp>
#include <troupe/scheduler/strand.hpp>

namespace troupe {

side_thread::side_thread(scheduler& beside_it, std::string name)
    : scheduler(beside{beside_it}), self_(*this, 0, std::move(name), false) {}

std::shared_ptr<side_thread> side_thread::start(scheduler& beside_it, std::string name, std::shared_ptr<void> keep) {
  auto made = std::make_shared<side_thread>(beside_it, std::move(name));
  // From the moment it is enlisted the end of the base may come to it: before the thread has started, or after that.
  const bool enlisted = made->roster()->enlist(made);
  std::lock_guard guard(made->native_mutex_);
  bool refused = !enlisted;
  if (enlisted) {
    std::lock_guard lock(made->mutex_);
    refused = made->ended_;
  }
  if (refused)
    throw troupe_error(errc::shutdown,
                       "the runtime has been shut down: no thread for actor " + made->self_.name() + " can be started");
  try {
    made->native_.start(detail::thread_roster::add(made->roster(), made->self_.name(), thread_role::actor),
                        [self = made, keep = std::move(keep)] { self->live(); });
  } catch (const std::system_error& e) {
    throw std::system_error(
        e.code(), fmt::format("no thread of its own can be started for actor {} (let fewer actors have one, or raise "
                              "what the system grants: ulimit -u, the memory for stacks, pids.max of the cgroup)",
                              made->self_.name()));
  }
  return made;
}

strand* side_thread::running() const noexcept { return dynamic_cast<strand*>(slice_of_); }

void side_thread::live() noexcept {
  detail::this_worker = &self_;
  for (bool over = false;;) {
    if (job* const j = take(over))
      run_slice(*j);
    else if (over)
      break;
    else
      parker_.park();
  }
  detail::this_worker = nullptr;
}

/// The next job; null if there is none: then it sleeps, or is over.
job* side_thread::take(bool& over) noexcept {
  std::unique_lock lock(mutex_);
  if (ended_) abandon_jobs(lock);
  if (!jobs_.empty()) {
    job* const j = jobs_.front();
    jobs_.pop_front();
    return j;
  }
  if (std::exchange(at_work_, false)) roster()->sides().rest();
  over = over_ = retired_ || ended_;
  return nullptr;
}

void side_thread::abandon_jobs(std::unique_lock<std::mutex>& lock) noexcept {
  while (!jobs_.empty()) {  // to abandon one may make others runnable
    job* const j = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    j->abandoned();
    lock.lock();
  }
}

void side_thread::run_slice(job& j) noexcept {
  slice_begun_.store(now(), relaxed);
  bump(self_.slices_);
  self_.running_.store(true, relaxed);
  slice_of_ = &j;
  j.run();
  slice_of_ = nullptr;
  self_.running_.store(false, relaxed);
}

void side_thread::inject(job& j) noexcept {
  bool rested = false;
  {
    std::unique_lock lock(mutex_);
    if (over_) {
      const bool ended = ended_;
      lock.unlock();
      return ended ? j.abandoned() : base().schedule(j);
    }
    rested = !std::exchange(at_work_, true);
    if (rested) roster()->sides().begin();
    jobs_.push_back(&j);
  }
  if (rested) parker_.unpark();  // else it looks again before it rests
}

void side_thread::retire() noexcept {
  {
    std::lock_guard lock(mutex_);
    retired_ = true;
  }
  parker_.unpark();
}

bool side_thread::idle() const noexcept {
  std::lock_guard lock(mutex_);
  return !at_work_;
}

void side_thread::end(std::int64_t deadline, std::vector<std::string>& stuck) noexcept {
  bool named = false;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    named = !retired_;  // its actor is alive, and the report names that
  }
  parker_.unpark();
  std::lock_guard guard(native_mutex_);
  if (native_.join_until(deadline)) return;
  if (!named) stuck.push_back(self_.name());
  native_.detach();
  roster()->leave_behind();
}

bool side_thread::stop(std::int64_t deadline) {
  std::vector<std::string> stuck;
  end(deadline, stuck);
  std::lock_guard lock(mutex_);
  return over_;
}

bool side_thread::wait_quiescent(std::int64_t deadline, std::int64_t horizon) {
  return current_worker() != &self_ && base().wait_quiescent(deadline, horizon);
}

void side_thread::inspect(std::vector<worker_info>& all) const {
  all.push_back(self_.inspect(now() - slice_begun_.load(relaxed)));
}

}  // namespace troupe
