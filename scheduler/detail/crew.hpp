#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <troupe/base/atomic.hpp>
#include <troupe/base/error.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/detail/native_thread.hpp>
#include <troupe/scheduler/detail/thread_roster.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/wait.hpp>

// A queue of callables, and those who run them: up to so many at a time. What executors and the pool for blocking calls
// have in common.
//
// CW1. A job is put into `incoming_`, under `guard_`. Who takes one does so from `ready_`, under `ready_guard_`; when
//      that is empty the whole of `incoming_` becomes `ready_`, under both. So those who bring and those who take jobs
//      meet once for many jobs. `ready_guard_` comes before `guard_`.
// CW2. A lane is in `idle_`, or it is active: then a slice of it or its thread runs, or is about to. It goes idle under
//      both locks, when there is no job: a job that is added later finds it.
// CW3. An active lane that looks for a job without having one counts in `searching_`, from when it is woken. While
//      there is one nobody is woken: the last that stops searching because it has found a job looks whether there are
//      more, and wakes the next. So a burst of short jobs does not wake everybody.
// CW4. Once it is closed nothing comes in; it has ended when it is closed, empty, and no lane is active.
namespace troupe::detail {

/// Something to be done once. Destroys itself in either function.
class crew_job {
public:
  virtual void run() noexcept = 0;
  /// In place of `run`, with the reason.
  virtual void refuse(const error& why) noexcept = 0;

protected:
  crew_job() = default;
  ~crew_job() = default;

private:
  friend class crew_jobs;
  crew_job* next_ = nullptr;
};

/// Jobs in the order of their coming. Under a lock, but for `empty`, which is a moment's truth elsewhere.
class crew_jobs {
public:
  bool empty() const noexcept { return first_.load(relaxed) == nullptr; }
  void push(crew_job& j) noexcept {
    if (empty())
      first_.store(&j, relaxed);
    else
      last_->next_ = &j;
    last_ = &j;
  }
  crew_job* pop() noexcept {
    crew_job* const j = first_.load(relaxed);
    if (j) first_.store(j->next_, relaxed);
    return j;
  }
  /// Puts all of another list behind its own.
  void take_all(crew_jobs& other) noexcept {
    if (other.empty()) return;
    push(*other.first_.load(relaxed));
    last_ = other.last_;
    other.first_.store(nullptr, relaxed);
  }

private:
  atomic<crew_job*> first_{nullptr};
  crew_job* last_ = nullptr;  // of a list that is not empty
};

struct crew_options {
  std::string what;      ///< for errors: `executor "files"`
  std::string prefix;    ///< threads are called prefix0, prefix1, ...
  unsigned lanes = 1;    ///< jobs at a time
  bool threads = false;  ///< of its own; else its jobs are run by the scheduler
  thread_role role = thread_role::executor;
  std::chrono::nanoseconds keep = forever;  ///< a thread without a job ends after that time
  std::function<void()> initializer;        ///< run once by each lane before its first job
};

/// Held by whoever gives it jobs, and by what runs them. All functions may be called from any thread.
class crew final : public thread_owner, public std::enable_shared_from_this<crew> {
  class lane;
  struct end_request;

public:
  /// Throws `troupe_error` (`shutdown`) if the scheduler has ended.
  static std::shared_ptr<crew> start(scheduler& home, crew_options options);

  crew(scheduler& home, crew_options options);
  ~crew() override;

  scheduler& home() const noexcept { return home_; }

  /// Has the job run. Throws `troupe_error`, and leaves the job alone, once it is closed: `shutdown`, or what broke it.
  void add(crew_job& j);

  /// Takes no more jobs. With `cancel` it refuses those that have not begun, as `cancelled`.
  void close(bool cancel) noexcept;

  /// Waits until all jobs have come to their end, after `close`. `would_deadlock` in one of its own jobs.
  auto ended(std::chrono::nanoseconds timeout = forever);

  /// Joins the threads, all of which have come to their end.
  void join();

  bool idle() const noexcept override;
  void end(std::int64_t deadline, std::vector<std::string>& stuck) noexcept override;

  /// True if the caller is one of its jobs.
  bool runs_caller() const noexcept;

private:
  friend class lane;
  friend struct end_request;

  crew_job* next(lane& self, bool patient, std::shared_ptr<crew>& last) noexcept;
  void go_idle(lane& self, std::shared_ptr<crew>& last) noexcept;
  lane* pass_search_on(lane& self) noexcept;
  lane& claim() noexcept;
  void wake(lane& l) noexcept;
  void start_thread(lane& l);
  void not_started(lane& l, const char* why) noexcept;
  void refuse_all(const error& why) noexcept;
  /// `why` is for those who come later, `pending` for what has not begun: null lets it be done.
  void shut(const error& why, const error* pending) noexcept;
  bool over() const noexcept { return abandoned_ || (closed_ && active_ == 0 && incoming_.empty() && ready_.empty()); }

  scheduler& home_;
  const std::shared_ptr<thread_roster> roster_;  // a thread that is stuck may outlive the scheduler
  const crew_options options_;
  std::vector<std::unique_ptr<lane>> lanes_;

  alignas(cache_line) spin_lock ready_guard_;  // CW1
  crew_jobs ready_;

  alignas(cache_line) mutable spin_lock guard_;
  crew_jobs incoming_;         // this and what follows: under guard_
  intrusive_list<lane> idle_;  // those with a thread first
  unsigned active_ = 0;        // lanes that are not in `idle_`
  unsigned searching_ = 0;     // CW3
  bool closed_ = false;
  bool abandoned_ = false;       // by the end of its scheduler: nobody waits for it any more
  std::optional<error> reason_;  // why it is closed; written once, with `closed_`
  wait_line line_;               // of those who wait for the end

  std::mutex threads_;  // guards the threads of the lanes against being started and joined at the same time
};

struct crew::end_request {
  crew* c;
  bool own;

  spin_lock& guard() noexcept { return c->guard_; }
  bool try_fast(const void*) noexcept { return own; }
  bool try_locked(wait_node& n) noexcept {
    if (c->over()) return true;
    c->line_.push(n);
    return false;
  }
  void give_back() noexcept {}
  void left(wake_list&) noexcept {}
  result<void> finish(const wait_end& how) {
    if (own)
      return error(errc::would_deadlock, "a job of " + c->options_.what + " waits for the end of all of its jobs");
    return detail::ended<result<void>>(how, "the end of all jobs of " + c->options_.what);
  }
};

inline auto crew::ended(std::chrono::nanoseconds timeout) {
  return operation(end_request{this, runs_caller()}, timeout);
}

}  // namespace troupe::detail
