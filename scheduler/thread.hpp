#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/scheduler/detail/native_thread.hpp>
#include <troupe/scheduler/detail/submitted.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/scheduler.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

/// How a thread is made.
struct thread_options {
  std::string name = "thread";  ///< the operating system shows its first 15 characters
  bool daemon = false;          ///< the end of the runtime does not wait for it
};

namespace detail {

/// What a thread and its handle share.
class thread_state : public thread_owner, public std::enable_shared_from_this<thread_state>, private job {
public:
  explicit thread_state(thread_options options) : options_(std::move(options)) {}

  /// Begins to run, once. Throws `troupe_error` (`shutdown`) and `std::system_error`.
  void start(scheduler& home);

  const std::string& name() const noexcept { return options_.name; }
  bool daemon() const noexcept { return options_.daemon; }
  std::stop_source& stop() noexcept { return stop_; }
  event& over() const noexcept { return *over_; }
  bool runs_caller() const noexcept;

  /// The error of whoever has waited for its end in vain.
  error why_not_over(const error& of_the_wait) const;

  void request_stop() noexcept override { stop_.request_stop(); }
  bool idle() const noexcept override { return options_.daemon || over_->is_set(); }
  void end(std::int64_t deadline, std::vector<std::string>& stuck) noexcept override;

protected:
  /// Calls what it was given, and keeps the result.
  virtual void call() noexcept = 0;

private:
  void run() noexcept final;  // as a job of a deterministic loop
  void abandoned() noexcept final { const auto last = std::move(keep_); }

  const thread_options options_;
  std::stop_source stop_;
  const std::shared_ptr<event> over_ = std::make_shared<event>();
  std::mutex mutex_;
  native_thread native_;                // under mutex_
  bool ended_ = false;                  // false -> true: it must not start any more; under mutex_
  std::shared_ptr<thread_state> keep_;  // while it is a job that has not run
};

/// With room for the result.
template <class R>
class thread_result : public thread_state {
public:
  using thread_state::thread_state;
  ~thread_result() override {
    if (outcome_ && !*outcome_ && !read_) report_unread(name(), outcome_->error());
  }

  /// Once it is over; a result that cannot be copied once only.
  result<R> take() {
    const bool again = read_.exchange(true, relaxed);
    if constexpr (std::is_void_v<R> || std::copy_constructible<R>) {
      return *outcome_;
    } else {
      if (again) return error(errc::invalid_argument, "the result of thread \"" + name() + "\" has been taken before");
      return std::move(*outcome_);
    }
  }

protected:
  std::optional<result<R>> outcome_;  // written before `over` is set

private:
  static void report_unread(const std::string& name, const error& e) noexcept {
    log_line("thread \"" + name + "\" ended with an exception: " + e.message());
  }

  atomic<bool> read_{false};  // false -> true: somebody has asked for the result
};

template <class F, class... Args>
inline constexpr bool takes_stop_token = std::is_invocable_v<F&, std::stop_token, Args...>;

template <class F, bool Token, class... Args>
struct thread_returns : std::invoke_result<F&, Args...> {};
template <class F, class... Args>
struct thread_returns<F, true, Args...> : std::invoke_result<F&, std::stop_token, Args...> {};

template <class R, class F, class... Args>
class thread_call final : public thread_result<R> {
public:
  thread_call(thread_options o, F f, Args... args)
      : thread_result<R>(std::move(o)), f_(std::move(f)), args_(std::in_place, std::move(args)...) {}

private:
  void call() noexcept override {
    this->outcome_.emplace(outcome_of<R>([this]() -> R {
      return std::apply(
          [this](auto&... args) -> R {
            if constexpr (takes_stop_token<F, Args...>)
              return (*f_)(this->stop().get_token(), std::move(args)...);
            else
              return (*f_)(std::move(args)...);
          },
          *args_);
    }));
    f_.reset();
    args_.reset();
  }

  std::optional<F> f_;
  std::optional<std::tuple<Args...>> args_;
};

}  // namespace detail

/// A thread of the operating system that runs `f(args...)`: `threading.Thread`. `f` may take a `std::stop_token` first.
/// It stands among `threads(scheduler)`; the end of its runtime asks it to stop, and then waits for it, unless it is a
/// daemon. Callable and arguments are kept until it ends, and so is whatever else they hold.
///
///     troupe::thread loader(rt, "loader", load, path);
///     auto table = loader.join(5s);   // result: what `load` returned, or `timeout`
///
/// This is a handle: dropping it neither stops nor awaits the thread; an exception that nobody reads is logged. Move
/// only; its functions may be called from any thread. In a deterministic runtime the thread is a job of the loop.
template <class R>
class thread {
public:
  using value_type = R;

  /// Starts it. Throws `troupe_error` (`shutdown`) once the scheduler has ended, `std::system_error` if the system
  /// gives no more threads.
  template <class F, class... Args>
  thread(scheduler& home, thread_options options, F f, Args... args)
      : state_(std::make_shared<detail::thread_call<R, F, Args...>>(std::move(options), std::move(f),
                                                                    std::move(args)...)) {
    state_->start(home);
  }
  template <std::convertible_to<std::string> Name, class F, class... Args>
  thread(scheduler& home, Name name, F f, Args... args)
      : thread(home, thread_options{std::string(std::move(name))}, std::move(f), std::move(args)...) {}

  /// The same on what has a scheduler, such as a runtime.
  template <detail::has_scheduler Runtime, class F, class... Args>
  thread(Runtime& rt, thread_options options, F f, Args... args)
      : thread(rt.scheduler(), std::move(options), std::move(f), std::move(args)...) {}
  template <detail::has_scheduler Runtime, std::convertible_to<std::string> Name, class F, class... Args>
  thread(Runtime& rt, Name name, F f, Args... args)
      : thread(rt.scheduler(), std::move(name), std::move(f), std::move(args)...) {}

  /// Waits for its end, at most that long; blocks the calling OS thread. Gives what `f` returned; an exception becomes
  /// `crashed` with its text, and is its `cause()`. `timeout`, after which one may try again; `would_deadlock` on the
  /// thread itself. A result that can be copied is given to everyone who asks.
  result<R> join(std::chrono::nanoseconds timeout = forever) {
    if (state_->runs_caller()) return error(errc::would_deadlock, "thread \"" + name() + "\" joins itself");
    auto wait = state_->over().wait_for(timeout);
    const result<void> over = wait.get();
    return over ? state_->take() : result<R>(state_->why_not_over(over.error()));
  }

  /// The same for green threads and handlers: `auto r = co_await t.ended();`.
  task<result<R>> ended(std::chrono::nanoseconds timeout = forever) { return await_end(state_, timeout); }

  /// True until it has ended.
  bool alive() const noexcept { return !state_->over().is_set(); }

  const std::string& name() const noexcept { return state_->name(); }
  bool daemon() const noexcept { return state_->daemon(); }

  /// Asks it to stop, if it looks at its token. False if that was done before.
  bool request_stop() noexcept { return state_->stop().request_stop(); }
  std::stop_token stop_token() const noexcept { return state_->stop().get_token(); }

private:
  static task<result<R>> await_end(std::shared_ptr<detail::thread_result<R>> state, std::chrono::nanoseconds timeout) {
    auto wait = state->over().wait_for(timeout);
    const result<void> over = co_await wait;
    if (!over) co_return state->why_not_over(over.error());
    co_return state->take();
  }

  std::shared_ptr<detail::thread_result<R>> state_;
};

template <class Home, class F, class... Args>
thread(Home&, thread_options, F, Args...)
    -> thread<typename detail::thread_returns<F, detail::takes_stop_token<F, Args...>, Args...>::type>;
template <class Home, std::convertible_to<std::string> Name, class F, class... Args>
thread(Home&, Name, F, Args...)
    -> thread<typename detail::thread_returns<F, detail::takes_stop_token<F, Args...>, Args...>::type>;

}  // namespace troupe
