#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/watchdog.hpp>

namespace troupe {

/// The processors that the calling thread may use, by number.
std::vector<unsigned> usable_cores();

/// How a pool is made.
struct pool_options {
  unsigned workers = 0;         ///< 0: one for each core that the process may use
  std::string name = "troupe";  ///< threads are called name/0, name/1, ... and name/keeper; 15 characters are shown
  unsigned budget = 128;  ///< messages that an actor may always handle before it goes to the back of the queue (C8)
  std::chrono::nanoseconds quantum{200'000};  ///< for how long it may go on then; 0: not at all
  unsigned stand_ins =
      64;  ///< threads that may stand in for workers whose handlers block, at most so many at a time (C8)
  /// Worker i runs on `cores[i % cores.size()]` alone, stand-ins on any of them; empty: the system chooses. One worker
  /// for each core, and pinned to it: `usable_cores()`.
  std::vector<unsigned> cores{};
  blocking_limits blocking{};   ///< of the threads for what `blocking` is given: name/block-0, ...
  watchdog_options watchdog{};  ///< of handlers that do not return
};

/// Workers that take from their own queue first and from each other's when that is empty, and sleep when there is
/// nothing to do; and a housekeeper. The protocol is written at the head of work_stealing_pool.cpp.
class work_stealing_pool final : public scheduler, public std::enable_shared_from_this<work_stealing_pool> {
public:
  /// Starts the threads. Each keeps a copy of what `keep_alive` returns until it ends. Throws `troupe_error`
  /// (`invalid_argument`) for a number of workers above 1,024, a budget of 0, or a core that cannot be used, and
  /// `std::system_error` if the system gives no more threads.
  static std::shared_ptr<work_stealing_pool> start(pool_options options);

  ~work_stealing_pool() override;

  /// What the threads hold on to, so that one that could not be stopped never touches freed memory. Set before use.
  void keep_alive(std::shared_ptr<void> what);

  std::int64_t now() const noexcept override { return steady_now(); }
  void arm(timer& t, std::int64_t deadline) override;
  waited wait(wait_condition& condition, std::int64_t deadline) override;
  bool wait_quiescent(std::int64_t deadline, std::int64_t horizon = timers::never) override;
  bool begin_blocking() noexcept override;
  void end_blocking() noexcept override;
  bool stop(std::int64_t deadline) override;
  unsigned size() const noexcept override;
  unsigned capacity() const noexcept override;
  std::vector<worker_info> inspect_workers() const override;

private:
  struct state;

  explicit work_stealing_pool(pool_options options);
  void inject(job& j) noexcept override;

  friend class worker;

  // The worker's loop.
  void work(worker& self) noexcept;
  inline job* next_job(worker& self) noexcept;
  job* look_around(worker& self) noexcept;
  job* own_last_job(worker& self) noexcept;
  job* take_lone() noexcept;
  job* take_injected() noexcept;
  job* take_share(worker& self) noexcept;
  job* search(worker& self) noexcept;
  void end_search(worker& self, bool found) noexcept;
  void thread_ended() noexcept;
  inline void run_slice(worker& self, job& j) noexcept;
  void sleep(worker& self) noexcept;
  void poll_timers() noexcept;
  void poll_timers(worker& self) noexcept;
  void abandon_jobs() noexcept;

  // Stand-ins for workers that block.
  void start_thread(worker& w);
  bool add_stand_in() noexcept;
  void spare_stand_in() noexcept;
  bool retire(worker& self) noexcept;

  // Waking.
  void notify() noexcept;
  void notify_if_idle() noexcept;
  void wake_housekeeper() noexcept;
  bool visible_work() const noexcept;

  void tidy(worker& self) noexcept;
  bool tidies(worker& self) noexcept;

  // The housekeeper's.
  void keep_house() noexcept;
  void ask_to_tidy() noexcept;
  bool all_parked() const noexcept;
  void look_after(worker& w, std::int64_t now) noexcept;

  std::unique_ptr<state> state_;
};

}  // namespace troupe
