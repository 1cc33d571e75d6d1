#pragma once

#include <deque>
#include <vector>

#include <model/explorer.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::model {

/// A scheduler whose workers are threads of a program: they call `work`. It has no timers; a wait of the outside with a
/// deadline may come to it at any time.
class model_scheduler final : public scheduler {
public:
  /// `parts`: how many threads of the program make jobs runnable, beside the workers.
  explicit model_scheduler(int parts = 0) : parts_(parts) {
    strands().keep_order();  // by addresses would break X2
    keep_for_each_thread(detail::this_trampoline);
  }

  /// One of the parts will make no job runnable any more.
  void part_ends() noexcept { parts_.fetch_sub(1, release); }

  /// Runs jobs until none waits.
  void run_waiting() {
    while (job* j = take()) j->run();
  }

  /// Runs jobs until all parts have ended and none waits.
  void work() {
    for (;;) {
      const bool last = parts_.load(acquire) == 0;
      if (waiting_.load(acquire) != 0) {
        if (job* j = take()) j->run();
      } else if (last) {
        return;
      } else {
        cpu_relax();
      }
    }
  }

  std::int64_t now() const noexcept override { return 0; }
  waited wait(wait_condition& condition, std::int64_t deadline) override {
    while (!condition.holds()) {
      condition.sleep_until(deadline);
      if (deadline != timers::never) return condition.holds() ? waited::held : waited::timeout;
    }
    return waited::held;
  }
  void arm(timer& t, std::int64_t deadline) override { timers_.arm(t, deadline); }
  bool begin_blocking() noexcept override { return true; }
  void end_blocking() noexcept override {}
  bool wait_quiescent(std::int64_t, std::int64_t) override { return false; }
  bool stop(std::int64_t) override { return true; }
  unsigned size() const noexcept override { return 1; }
  std::vector<worker_info> inspect_workers() const override { return {}; }

private:
  void inject(job& j) noexcept override {
    lock();
    jobs_.push_back(&j);
    waiting_.fetch_add(1, relaxed);
    held_.store(false, release);
  }

  job* take() noexcept {
    lock();
    job* j = nullptr;
    if (!jobs_.empty()) {
      j = jobs_.front();
      jobs_.pop_front();
      waiting_.fetch_sub(1, relaxed);
    }
    held_.store(false, release);
    return j;
  }

  void lock() noexcept {
    while (held_.exchange(true, acquire)) cpu_relax();
  }

  atomic<bool> held_{false};  // exchange(acquire) pairs with store(release)
  atomic<int> waiting_{0};
  atomic<int> parts_;  // the release of who ends pairs with the acquire of the workers
  std::deque<job*> jobs_;
};

}  // namespace troupe::model
