#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/base/atomic.hpp>

namespace troupe {

/// What a thread is for.
enum class thread_role : std::uint8_t {
  worker,       ///< runs actors, green threads and jobs
  stand_in,     ///< the same, in place of a worker that blocks
  housekeeper,  ///< looks after timers and workers that block
  blocking,     ///< runs what `blocking` was given
  executor,     ///< runs the jobs of an executor that has threads of its own
  own,          ///< a `thread`
  actor,        ///< runs one actor alone, which may block it
};

struct worker_info;

/// The name of a role, such as "worker".
const char* to_string(thread_role role) noexcept;

/// A thread that belongs to a scheduler.
struct thread_info {
  std::string name;  ///< the operating system shows its first 15 characters
  int native_id;     ///< as `gettid` gives it and `top -H` shows it; 0 while the thread has not begun to run
  thread_role role;
  bool daemon;  ///< nobody waits for its end
};

/// The threads of a scheduler for what `blocking` is given.
struct blocking_limits {
  unsigned threads = 64;                          ///< at most, 1 to 1,024; what comes beyond that waits for its turn
  std::chrono::nanoseconds keep{10'000'000'000};  ///< how long one waits for the next call
};

namespace detail {

/// Somebody who has work that the end of a scheduler waits for, or threads. All functions may be called from any
/// thread.
class thread_owner {
public:
  virtual ~thread_owner() = default;

  /// The end has begun: what goes on until it is told to stop stops.
  virtual void request_stop() noexcept {}

  /// True if nothing runs and nothing is queued that a shutdown should wait for.
  virtual bool idle() const noexcept = 0;

  /// Takes no more work, refuses what has not begun, and waits until its threads have ended. Adds the names of those
  /// that have not by the deadline (of the steady clock); they are left to themselves.
  virtual void end(std::int64_t deadline, std::vector<std::string>& stuck) noexcept = 0;

  /// Adds what its threads do now, if they run strands.
  virtual void inspect(std::vector<worker_info>&) const {}
};

/// How many of a set of threads are at work.
///
/// TR1. A thread counts in `begun` before it can do anything, and in `rested` after all that it did. So when `rested`,
///     read second, equals `begun`, and `begun` is still the same when it is read again, none was at work in between.
class thread_work {
public:
  void begin() noexcept { begun_.fetch_add(1, seq_cst); }
  void rest() noexcept { rested_.fetch_add(1, seq_cst); }
  std::uint64_t begun() const noexcept { return begun_.load(seq_cst); }
  std::uint64_t rested() const noexcept { return rested_.load(seq_cst); }
  bool at_rest() const noexcept {
    const std::uint64_t ended = rested();
    return ended == begun();
  }

private:
  atomic<std::uint64_t> begun_{0};
  atomic<std::uint64_t> rested_{0};
};

/// The threads of a scheduler, and who has made them. Any thread. Lives as long as the last of the threads.
class thread_roster {
public:
  /// A thread's entry: made by whoever starts the thread, signed by the thread when it begins, and gone with the last
  /// reference.
  class entry {
  public:
    entry(thread_info info, std::shared_ptr<thread_roster> home) : info_(std::move(info)), home_(std::move(home)) {}
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry();

    /// Names the calling thread, notes its number, and makes what it will need where nothing may fail.
    void sign() noexcept;
    const std::string& name() const noexcept { return info_.name; }

  private:
    friend class thread_roster;
    const thread_info info_;
    std::shared_ptr<thread_roster> home_;
    atomic<int> native_id_{0};  // 0 -> the thread's
  };

  static std::shared_ptr<entry> add(const std::shared_ptr<thread_roster>& home, std::string name, thread_role role,
                                    bool daemon = false);

  /// In the order of their starting.
  std::vector<thread_info> list() const;

  /// Whom the end of the scheduler concerns. False once that has come.
  bool enlist(const std::shared_ptr<thread_owner>& owner);

  void request_stop() noexcept;
  bool idle() const noexcept;

  /// Whether the calling thread is one of them.
  bool includes_caller() const;

  /// Adds what those threads do now that run strands.
  void inspect(std::vector<worker_info>& all) const;

  /// The threads that run one actor each.
  thread_work& sides() noexcept { return sides_; }
  /// Those of executors, of blocking calls, and whatever `thread` is no daemon.
  thread_work& helpers() noexcept { return helpers_; }

  /// A thread that runs an actor did not end, and is left to itself.
  void leave_behind() noexcept { left_behind_.store(true, relaxed); }
  bool left_behind() const noexcept { return left_behind_.load(relaxed); }

  /// Ends all owners, and gives the names of the threads that did not end. From now on `enlist` refuses.
  std::vector<std::string> end(std::int64_t deadline) noexcept;

  /// For the pool for blocking calls: its limits, and what its threads are called before "/block-N". Before use. Throws
  /// `troupe_error` (`invalid_argument`).
  void set_blocking(blocking_limits limits, std::string name);
  const blocking_limits& limits() const noexcept { return limits_; }
  const std::string& name() const noexcept { return name_; }

  /// The pool for blocking calls, which `make` makes when it is first asked for.
  template <class Make>
  std::shared_ptr<thread_owner> blocking_pool(Make make) {
    std::lock_guard guard(blocking_mutex_);
    if (!blocking_pool_) blocking_pool_ = make();
    return blocking_pool_;
  }

private:
  std::vector<std::shared_ptr<thread_owner>> owners() const;

  mutable std::mutex mutex_;
  std::vector<entry*> entries_;                      // under mutex_, as are the next two
  std::vector<std::weak_ptr<thread_owner>> owners_;  // some have gone
  bool ended_ = false;
  blocking_limits limits_;
  std::string name_ = "troupe";
  thread_work sides_;
  thread_work helpers_;
  atomic<bool> left_behind_{false};  // false -> true; relaxed: asked by whoever has ended the owners
  std::mutex blocking_mutex_;
  std::shared_ptr<thread_owner> blocking_pool_;  // under blocking_mutex_
};

}  // namespace detail
}  // namespace troupe
