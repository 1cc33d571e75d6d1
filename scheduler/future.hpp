#pragma once

#include <chrono>
#include <coroutine>
#include <optional>
#include <string>
#include <utility>

#include <troupe/base/pool.hpp>
#include <troupe/base/result.hpp>
#include <troupe/base/type_name.hpp>
#include <troupe/scheduler/parker.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

namespace detail {

/// What a promise and its future share. One result, one waiter.
///
/// F1. `claimed_` decides who gives the result: the promise, a timeout or a cancellation. Only the winner writes it.
/// F2. `waiter_` goes pending -> (a strand or an OS thread that waits) -> done, or pending -> done. The exchange to
///     `done` releases the result; whoever was there is then woken exactly once.
/// F3. References: one for the promise, one for the future, one for the timer while it is armed.
/// F4. `asked_` lives for as long as the promise. Where a waiter that gives up wins the claim, the promise waits until
///     the error is written, whose text names who was asked.
/// F5. `owner_` is whoever alone can bring the result, if that is known; written before the future is handed on. An
///     untimed wait for such a future is in the graph of waits (wait_graph.hpp).
class future_state_base : public timer, public wait_point, private wait_edge {
public:
  explicit future_state_base(scheduler& home) noexcept : home_(&home) {}

  scheduler& home() const noexcept { return *home_; }

  bool ready() const noexcept { return waiter_.load(acquire) == done; }

  /// True for the one caller that may give the result.
  bool claim() noexcept { return !claimed_.exchange(true, acq_rel); }

  /// Publishes the result, wakes the waiter.
  void complete() noexcept;

  /// For the waiting side: claims and gives an error in place of a value, with what was asked of whom behind its text;
  /// false if somebody else was first.
  bool fail(error e) noexcept;

  /// What the result answers, and who gives it; `question` lives as long as the program, `asked` as the promise. Before
  /// the state is shared.
  void name_parties(const char* question, const strand& asked) noexcept {
    question_ = question;
    asked_ = &asked;
  }

  /// Suspends the strand of the calling coroutine until done.
  void await(std::coroutine_handle<> h, std::chrono::nanoseconds timeout);

  /// F4.
  void set_owner(const void* party) noexcept { owner_ = party; }

  /// The timer of `await` is no longer wanted. Called by the strand that awaited.
  void disarm() noexcept {
    leave_graph();
    if (armed_ && home_->cancel(*this)) release_one();
    armed_ = false;
  }

  /// Blocks the calling OS thread until done, or gives up with an error as the result.
  void block(std::chrono::nanoseconds timeout);

  /// Waits for a result that has been claimed and is about to come.
  void settle() const noexcept {
    while (!ready()) yield_thread();
  }

  /// For the promise that has lost the claim: the winner may still look at who was asked (F4).
  void let_winner_finish() const noexcept {
    if (asked_) settle();
  }

  /// A shutdown does not wait for those who wait for this.
  void hold_up_no_shutdown() noexcept { holds_up_ = false; }

  void retain() noexcept { refs_.fetch_add(1, relaxed); }
  void release_one() noexcept {
    if (refs_.fetch_sub(1, acq_rel) != 1) return;
    leave_graph();  // a strand that was killed in the wait did not
    destroy();
  }

  void fire() noexcept override;
  void cancel_wait() noexcept override { fail(error(errc::cancelled)); }

protected:
  ~future_state_base() = default;
  virtual void set_error(error e) noexcept = 0;
  virtual void destroy() noexcept = 0;

private:
  const void* blocker() noexcept final;
  std::string subject() const final { return "a result"; }
  const char* verb() const noexcept final { return "has to bring"; }
  bool give_up(std::unique_ptr<std::string> story) noexcept final;
  void resume_party() noexcept final {}

  // `waiter_` holds one of these or a pointer: to a strand, or with the low bit to a parker.
  static constexpr std::uintptr_t pending = 0;
  static constexpr std::uintptr_t done = 2;
  static constexpr std::uintptr_t is_thread = 1;

  atomic<std::uintptr_t> waiter_{pending};
  scheduler* home_;
  const char* question_ = nullptr;
  const strand* asked_ = nullptr;  // F4; null: nobody's answer
  const void* owner_ = nullptr;
  atomic<std::uint32_t> refs_{2};
  atomic<bool> claimed_{false};
  bool armed_ = false;
  bool holds_up_ = true;
};

/// Writes a log line about a green thread that threw while nobody read its future.
void report_unread_failure(const error& e) noexcept;

template <class T>
class future_state final : public future_state_base {
public:
  using future_state_base::future_state_base;

  static future_state* make(scheduler& home) {
    return new (pool_allocate(sizeof(future_state), alignof(future_state))) future_state(home);
  }

  /// For the promise: false if the result was given before: by a timeout, say.
  bool give(result<T> r) noexcept {
    if (!claim()) {
      let_winner_finish();
      return false;
    }
    value_.emplace(std::move(r));
    complete();
    return true;
  }

  result<T> take() {
    unread_ = false;
    if (!value_) return error(errc::invalid_argument, "the result of this future has been taken before");
    result<T> taken = std::move(*value_);
    value_.reset();
    return taken;
  }

  /// An error that nobody takes is written to the log.
  void report_unread() noexcept { unread_ = true; }

  std::string describe_wait() const override { return std::string("a future<") + type_name<T>() + ">"; }

private:
  ~future_state() {
    if (unread_ && value_ && !*value_ && value_->error() == errc::crashed) report_unread_failure(value_->error());
  }
  void set_error(error e) noexcept override { value_.emplace(std::move(e)); }
  void destroy() noexcept override {
    this->~future_state();
    pool_free(this, sizeof(future_state), alignof(future_state));
  }

  std::optional<result<T>> value_;
  bool unread_ = false;  // written before the state is shared, and by the one reader
};

}  // namespace detail

/// The reading end of a result that comes once: `co_await` it in green threads and handlers, `get` it on OS threads.
/// Move only; one reader. Dropping it says that nobody is interested.
template <class T>
class future {
public:
  using value_type = T;

  future() = default;
  /// Internal; users get futures from `promise::get_future`, `spawn` and `ask`.
  explicit future(detail::future_state<T>* state, std::chrono::nanoseconds timeout = forever) noexcept
      : state_(state), timeout_(timeout) {}
  future(future&& other) noexcept : state_(std::exchange(other.state_, nullptr)), timeout_(other.timeout_) {}
  future& operator=(future&& other) noexcept {
    future taken(std::move(other));
    std::swap(state_, taken.state_);
    std::swap(timeout_, taken.timeout_);
    return *this;
  }
  ~future() {
    if (!state_) return;
    state_->disarm();
    state_->release_one();
  }

  /// True if `get` and `co_await` would return at once.
  bool done() const noexcept { return state_->ready(); }

  /// Gives up: whoever waits gets `errc::cancelled`. False if the result was there before. Any thread.
  bool cancel() noexcept { return state_->fail(error(errc::cancelled)); }

  /// Blocks the calling OS thread until the result is there, at most for the timeout that the future was made with.
  /// Errors: `timeout`; `deadlock` where nothing is left that could bring the result; those of the result. On a worker
  /// another thread stands in for the caller meanwhile; `would_deadlock` where that is not possible: on a run loop, or
  /// when `pool_options::stand_ins` of them are at it already.
  result<T> get() { return get(timeout_); }

  /// The same with a timeout of one's own. When the time is over the result is given up, as when it was taken:
  /// a later `get` gives `invalid_argument`.
  result<T> get(std::chrono::nanoseconds timeout) {
    if (!state_) return error(errc::invalid_argument, "this future stands for nothing: it was moved from or never set");
    state_->block(timeout);
    state_->settle();
    return state_->take();
  }

  /// For `co_await future`, whose result is what `get` returns. The time runs from here.
  bool await_ready() const noexcept { return state_->ready() && detail::may_go_on(); }
  void await_suspend(std::coroutine_handle<> h) { state_->await(h, timeout_); }
  result<T> await_resume() {
    state_->disarm();
    return state_->take();
  }

private:
  detail::future_state<T>* state_ = nullptr;
  std::chrono::nanoseconds timeout_ = forever;
};

/// The writing end. Move only. A promise that is destroyed without a result gives `errc::cancelled`.
template <class T>
class promise {
public:
  promise() = default;

  /// A promise whose waiters run on `home`.
  explicit promise(scheduler& home) : state_(detail::future_state<T>::make(home)), fresh_(true) {}
  promise(promise&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), fresh_(std::exchange(other.fresh_, false)) {}
  promise& operator=(promise&& other) noexcept {
    promise taken(std::move(other));
    std::swap(state_, taken.state_);
    std::swap(fresh_, taken.fresh_);
    return *this;
  }
  ~promise() {
    if (!state_) return;
    state_->give(error(errc::cancelled));
    if (fresh_) state_->release_one();  // no future was ever taken
    state_->release_one();
  }

  /// True until it has given its result or was moved from.
  explicit operator bool() const noexcept { return state_ != nullptr; }

  /// The reading end; call it once.
  future<T> get_future(std::chrono::nanoseconds timeout = forever) noexcept {
    fresh_ = false;
    return future<T>(state_, timeout);
  }

  /// A shutdown does not wait for those who wait for this promise. Call it before the promise is shared.
  void hold_up_no_shutdown() noexcept { state_->hold_up_no_shutdown(); }

  /// Lets an exception that nobody reads come out in the log. Call it before the promise is shared.
  void report_unread() noexcept { state_->report_unread(); }

  /// Internal: lets the errors of whoever gives up waiting name the type of the question and who was asked, which lives
  /// for as long as the promise. Call it before the promise is shared.
  void name_parties(const char* question, const strand& asked) noexcept { state_->name_parties(question, asked); }

  /// Says that the calling green thread, handler or OS thread is the only one who will give the result: whoever waits
  /// for it without end, while this one waits for him, then gets `errc::deadlock`. Call it before the future is handed
  /// on.
  void owned_by_this_party() noexcept { state_->set_owner(detail::current_party()); }

  /// The state that the future shares, for whoever makes the party that will give the result.
  detail::future_state_base& state() noexcept { return *state_; }

  /// Gives the result; false if it comes late: after a timeout or a cancellation. Any thread.
  bool give(result<T> r) noexcept {
    const bool taken = state_->give(std::move(r));
    drop();
    return taken;
  }

  /// Gives an error in place of a value.
  bool fail(error e) noexcept { return give(std::move(e)); }

private:
  void drop() noexcept {
    if (std::exchange(fresh_, false)) state_->release_one();
    std::exchange(state_, nullptr)->release_one();
  }

  detail::future_state<T>* state_ = nullptr;
  bool fresh_ = false;
};

}  // namespace troupe
