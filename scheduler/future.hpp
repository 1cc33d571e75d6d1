#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <troupe/base/pool.hpp>
#include <troupe/base/result.hpp>
#include <troupe/scheduler/detail/future_state.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

template <class T>
class promise;
template <class T>
class future;

namespace detail {
template <class T>
future_state_base& state_of(const future<T>& f) noexcept;
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
  future(future&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), wait_(std::move(other.wait_)), timeout_(other.timeout_) {}
  future& operator=(future&& other) noexcept {
    future taken(std::move(other));
    std::swap(state_, taken.state_);
    std::swap(wait_, taken.wait_);
    std::swap(timeout_, taken.timeout_);
    return *this;
  }
  ~future() {
    if (wait_) drop_wait();
    if (state_) state_->detach();
  }

  /// True if it stands for a result: not after it was moved from. One that does not gives `invalid_argument` to whoever
  /// asks for the result or waits, is done, and cannot be cancelled; `then` wants one that is valid.
  bool valid() const noexcept { return state_ != nullptr; }

  /// True if `get` and `co_await` would return at once.
  bool done() const noexcept { return !state_ || state_->ready(); }

  /// True while somebody is at work on it: the green thread has had its first slice, the job of an executor has begun.
  /// A moment's truth.
  bool running() const noexcept { return !done() && state_->begun(); }

  /// Gives up: whoever waits gets `errc::cancelled`. False if the result was there before, and for a job of an executor
  /// that has begun; one that has not never will. A handler at work on it that is a coroutine has its waits called off.
  /// A green thread runs on, and its result is dropped: `green_thread::request_stop` tells it to stop. Any thread.
  bool cancel() noexcept { return state_ && state_->cancel(); }

  /// Blocks the calling OS thread until the result is there, at most for the timeout that the future was made with.
  /// Errors: `timeout`; `deadlock` where nothing is left that could bring the result; those of the result. On a worker
  /// another thread stands in for the caller meanwhile; `would_deadlock` where that is not possible: on a run loop, or
  /// when `pool_options::stand_ins` of them are at it already.
  troupe::result<T> get() { return get(timeout_); }

  /// The same with a timeout of one's own. When the time is over the result is given up, as when it was taken:
  /// a later `get` gives `invalid_argument`.
  troupe::result<T> get(std::chrono::nanoseconds timeout) {
    if (done()) return take();
    detail::result_wait wait(*state_, true);
    wait.block(timeout);
    return outcome(wait);
  }

  /// Waits without taking the result or giving it up: `f.wait(1s).get()`, `co_await f.wait(1s)`. Errors: `timeout`,
  /// `cancelled`, `deadlock`, `would_deadlock`, as `get`; none says anything of the result.
  detail::arrival wait(std::chrono::nanoseconds timeout = forever) const noexcept {
    return detail::arrival(state_, timeout);
  }

  /// The value, as Python's `Future.result`: blocks as `get` does, but throws. What a green thread or a job threw comes
  /// out as it is, any other error as a `troupe_error`. When the time is over the result is still awaited: call it
  /// again.
  T result(std::chrono::nanoseconds timeout = forever) {
    wait(timeout).get().value();
    troupe::result<T> r = state_->take();
    if (!r && r.error().cause()) std::rethrow_exception(r.error().cause());
    return std::move(r).value();
  }

  /// What `result` would throw; null if there is a value. Blocks and throws `troupe_error` when there is nothing within
  /// the time.
  std::exception_ptr exception(std::chrono::nanoseconds timeout = forever) {
    wait(timeout).get().value();
    return state_->exception();
  }

  /// True once it was cancelled: given up by `cancel`, or by its giver.
  bool cancelled() const noexcept { return state_ && state_->cancelled(); }

  /// Calls `f` with the `result<T>` in a green thread of its own, once it is there; gives the future of what `f`
  /// returns. Takes this future over.
  template <class F>
  auto then(F f) &&;

  /// `co_await future` gives what `get` returns. The time runs from here.
  auto operator co_await() & noexcept { return awaiter{this}; }
  auto operator co_await() && noexcept { return awaiter{this}; }

protected:
  detail::future_state<T>* state() const noexcept { return state_; }

  /// How long its reader waits at most, unless he says otherwise.
  std::chrono::nanoseconds timeout() const noexcept { return timeout_; }

private:
  friend detail::future_state_base& detail::state_of<T>(const future& f) noexcept;

  // Were the future its own awaiter, g++ 12 would copy it where a lambda has captured it by reference.
  struct awaiter {
    future* f;
    bool await_ready() const noexcept { return f->done() && detail::may_go_on(); }
    void await_suspend(std::coroutine_handle<> h) const {
      if (f->done()) return detail::yield_current(h);  // it has had its share
      f->wait_ = std::make_unique<detail::result_wait>(*f->state_, true);
      f->wait_->suspend(h, f->timeout_);
    }
    troupe::result<T> await_resume() const {
      if (!f->wait_) return f->take();
      const auto wait = std::move(f->wait_);
      return f->outcome(*wait);
    }
  };

  // Of a coroutine that was killed in the wait.
  [[gnu::noinline, gnu::cold]] void drop_wait() noexcept { wait_.reset(); }

  troupe::result<T> take() {
    if (!state_) return error(errc::invalid_argument, detail::stands_for_nothing);
    return state_->take();
  }

  troupe::result<T> outcome(const detail::result_wait& wait) {
    if (wait.came()) return state_->take();
    state_->let_go();
    return wait.why_not();
  }

  detail::future_state<T>* state_ = nullptr;
  std::unique_ptr<detail::result_wait> wait_;  // of the coroutine that awaits it
  std::chrono::nanoseconds timeout_ = forever;
};

namespace detail {

/// The state of a future that stands for something.
template <class T>
future_state_base& state_of(const future<T>& f) noexcept {
  return *f.state_;
}

/// What a promise and its future share.
template <class T>
class promise_state final : public future_state<T> {
public:
  explicit promise_state(scheduler& home) noexcept : home_(&home) {}

  static promise_state* make(scheduler& home) {
    return new (pool_allocate(sizeof(promise_state), alignof(promise_state))) promise_state(home);
  }

  scheduler& provider() const noexcept override { return *home_; }
  const void* owner() const noexcept override { return owner_.load(relaxed); }
  void set_owner(const void* party) noexcept { owner_.store(party, relaxed); }
  bool holds_up() const noexcept override { return holds_up_; }
  void hold_up_no_shutdown() noexcept { holds_up_ = false; }

  /// F4. `question` lives as long as the program.
  void name_parties(const char* question, strand& asked) noexcept {
    question_ = question;
    asked_ = &asked;
  }

  /// The giver's: the promise may now outlive whoever was asked, and another gives the result (F4, F5). An owner that
  /// changes runs meanwhile: no walk goes through it, and the next one that does sees the new owner.
  void hand_on(const void* owner) noexcept {
    if (asked_ && !keeps_asked_) {
      asked_->keep();
      keeps_asked_ = true;
    }
    set_owner(owner);
  }
  bool named() const noexcept override { return asked_ != nullptr; }

  /// F7. False if the reader has given up.
  bool watch_reader(reader_watch& w) noexcept {
    reader_watch* there = nullptr;
    return watch_.compare_exchange_strong(there, &w, acq_rel, acquire);
  }
  /// False if `w` is told, or will be at once.
  bool unwatch_reader(reader_watch& w) noexcept {
    reader_watch* there = &w;
    return watch_.compare_exchange_strong(there, nullptr, acq_rel, acquire);
  }
  reader_watch* take_watch() noexcept override {
    if (!asked_) return nullptr;
    reader_watch* const gone = reinterpret_cast<reader_watch*>(reader_has_gone);
    reader_watch* const there = watch_.exchange(gone, acq_rel);
    return there == gone ? nullptr : there;
  }
  std::string circumstances() const override {
    return std::string(" (") + question_ + " asked of " + asked_->describe() + ")";
  }

  /// The promise's last step; false if it comes late.
  bool give(result<T> r) noexcept {
    this->put(std::move(r));
    if (!asked_) return this->complete();
    strand* const kept = keeps_asked_ ? asked_ : nullptr;
    const bool in_time = this->complete_named();
    if (kept) kept->let_go();
    return in_time;
  }

private:
  ~promise_state() = default;
  void destroy() noexcept override {
    this->~promise_state();
    pool_free(this, sizeof(promise_state), alignof(promise_state));
  }

  static constexpr std::uintptr_t reader_has_gone = 1;

  scheduler* home_;
  // F7: null, who watches, or `reader_has_gone` for good. Putting a watch in releases it to the acquire of who takes it
  // out.
  atomic<reader_watch*> watch_{nullptr};
  atomic<const void*> owner_{nullptr};  // relaxed: only compared
  const char* question_ = nullptr;
  strand* asked_ = nullptr;
  bool holds_up_ = true;
  bool keeps_asked_ = false;  // the giver's
};

}  // namespace detail

/// The writing end. Move only. A promise that is destroyed without a result gives `errc::cancelled`, and says so.
template <class T>
class promise {
public:
  promise() = default;

  /// A promise; who waits for it without being a green thread or a handler drives `home`, or waits for it.
  explicit promise(scheduler& home) : state_(detail::promise_state<T>::make(home)), fresh_(true) {}
  promise(promise&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), fresh_(std::exchange(other.fresh_, false)) {}
  promise& operator=(promise&& other) noexcept {
    promise taken(std::move(other));
    std::swap(state_, taken.state_);
    std::swap(fresh_, taken.fresh_);
    return *this;
  }
  ~promise() {
    if (state_) fail(detail::promise_dropped(*state_));
  }

  /// True until it has given its result or was moved from.
  explicit operator bool() const noexcept { return state_ != nullptr; }

  /// The reading end. Throws `troupe_error` (`invalid_argument`) when called a second time, or on a promise that has
  /// given its result or was moved from.
  future<T> get_future(std::chrono::nanoseconds timeout = forever) {
    if (!std::exchange(fresh_, false))
      throw troupe_error(errc::invalid_argument, "a promise has one future, which was taken before");
    return future<T>(state_, timeout);
  }

  /// A shutdown does not wait for those who wait for this promise. Call it before the promise is shared.
  void hold_up_no_shutdown() noexcept { state_->hold_up_no_shutdown(); }

  /// Internal: lets the errors of whoever gives up waiting name the type of the question and who was asked, which lives
  /// for as long as the promise. Call it before the promise is shared.
  void name_parties(const char* question, strand& asked) noexcept { state_->name_parties(question, asked); }

  /// Internal: it leaves the handler that it was made for. Who gives the result now is `owner`; null: anybody may.
  void hand_on(const strand* owner) noexcept {
    if (state_) state_->hand_on(owner);
  }

  /// Internal: has `w` told when nobody wants the result any more, from now on until it is taken back; false if it is
  /// so already. Of a promise that has not given its result.
  bool watch_reader(detail::reader_watch& w) noexcept { return state_->watch_reader(w); }
  /// Internal: takes it back; false if it is told, perhaps at this moment. Before the result is given.
  bool unwatch_reader(detail::reader_watch& w) noexcept { return state_->unwatch_reader(w); }

  /// Says that the calling green thread, handler or OS thread is the only one who will give the result: whoever waits
  /// for it without end, while this one waits for him, then gets `errc::deadlock`. Call it before the future is handed
  /// on.
  void owned_by_this_party() noexcept { state_->set_owner(detail::current_party()); }

  /// Internal: the same for another actor or green thread.
  void owned_by(const strand& party) noexcept { state_->set_owner(&party); }

  /// Says that work on the result begins: from now on `future::cancel` fails. False if it was cancelled before, and
  /// then the work need not be done.
  bool set_running() noexcept { return state_->set_running(); }

  /// True if nobody wants the result any more: it was given up by a timeout or `cancel`, or its future has gone. Any
  /// thread that may use the promise.
  bool unwanted() const noexcept { return state_ && state_->unwanted(); }

  /// Gives the result; false if it comes late: after a timeout or a cancellation, or a second time. Any thread.
  bool give(result<T> r) noexcept {
    auto* const state = std::exchange(state_, nullptr);
    if (!state) return false;
    const bool taken = state->give(std::move(r));
    if (std::exchange(fresh_, false)) state->detach();  // no future was ever taken
    return taken;
  }

  /// Gives an error in place of a value.
  bool fail(error e) noexcept { return give(std::move(e)); }

private:
  detail::promise_state<T>* state_ = nullptr;
  bool fresh_ = false;
};

}  // namespace troupe
