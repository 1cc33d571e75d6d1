#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/scheduler/detail/native_thread.hpp>
#include <troupe/scheduler/detail/thread_roster.hpp>
#include <troupe/scheduler/parker.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe {

/// A thread that runs one actor, and what that actor forks, beside the scheduler of all others. The actor may block it:
/// nobody else waits for it. Clock, timers and the list of strands are those of the base.
///
/// SD1. Whoever makes a job runnable puts it into `jobs_`, under `mutex_`; the thread takes the first and runs a slice
///     of it. So what belongs together never runs at the same time.
/// SD2. The thread is at work from when a job comes in while it rests, until it finds none left. Both are counted under
///      `mutex_` (TR1). At rest it sleeps without a deadline (C7).
/// SD3. It ends when it finds no job once it was retired, or its base has ended; then `over_` is set. What comes later
///     is run by the base; what is left when the base has ended, or comes then, is abandoned.
/// SD4. `slice_of_` is the thread's: what runs there finds by it whose slice this is, also where that is no coroutine.
class side_thread final : public scheduler,
                          public detail::thread_owner,
                          public std::enable_shared_from_this<side_thread> {
public:
  /// Starts it. `keep` is held until it has ended. Throws `troupe_error` (`shutdown`) if the base has ended, and
  /// `std::system_error` if the system gives no more threads.
  static std::shared_ptr<side_thread> start(scheduler& beside_it, std::string name, std::shared_ptr<void> keep);

  side_thread(scheduler& beside_it, std::string name);

  /// Its actor has gone. Any thread.
  void retire() noexcept;

  /// The strand whose slice runs, null if what runs is none. Its own thread.
  strand* running() const noexcept;

  // --- as an owner of threads: any thread ---------------------------------------------------------------------------

  bool idle() const noexcept override;
  void end(std::int64_t deadline, std::vector<std::string>& stuck) noexcept override;
  void inspect(std::vector<worker_info>& all) const override;

  // --- scheduler ----------------------------------------------------------------------------------------------------

  std::int64_t now() const noexcept override { return base().now(); }
  void arm(timer& t, std::int64_t deadline) override { base().arm(t, deadline); }
  waited wait(wait_condition& condition, std::int64_t deadline) override { return base().wait(condition, deadline); }
  bool begin_blocking() noexcept override { return true; }
  void end_blocking() noexcept override {}
  bool wait_quiescent(std::int64_t deadline, std::int64_t horizon = timers::never) override;
  bool stop(std::int64_t deadline) override;
  unsigned size() const noexcept override { return 1; }
  std::string label(const strand& s) const override { return base().label(s); }

private:
  void inject(job& j) noexcept override;
  std::vector<worker_info> inspect_workers() const override { return {}; }

  void live() noexcept;
  job* take(bool& over) noexcept;
  void abandon_jobs(std::unique_lock<std::mutex>& lock) noexcept;
  void run_slice(job& j) noexcept;

  worker self_;
  parker parker_;
  job* slice_of_ = nullptr;              // SD4
  atomic<std::int64_t> slice_begun_{0};  // nanoseconds of the base's clock; relaxed: for reports

  mutable std::mutex mutex_;
  std::deque<job*> jobs_;  // under mutex_, as are the next four
  bool at_work_ = false;   // SD2
  bool retired_ = false;   // false -> true
  bool ended_ = false;     // of the base; false -> true
  bool over_ = false;      // SD3; false -> true

  std::mutex native_mutex_;       // held while its end is waited for: the thread never takes it
  detail::native_thread native_;  // under native_mutex_
};

}  // namespace troupe
