#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/scheduler/detail/coroutine_strand.hpp>
#include <troupe/scheduler/detail/named.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

/// What a green thread can be given when it is spawned: `spawn(home, {.name = "reader"}, f)`.
struct task_options {
  std::string name{};  ///< which reports show; need not be unique
};

/// A handle on a green thread: the future of its result, and the green thread itself. Where only the result is wanted
/// it converts to a `future<T>`. Dropping it detaches. The functions below want one that is `valid()`.
template <class T>
class green_thread : public future<T> {
public:
  green_thread() = default;
  /// Internal; users get it from `spawn`.
  explicit green_thread(detail::future_state<T>* state) noexcept : future<T>(state) {}

  /// Its number: no other green thread of the process has or had it. Throws `std::bad_alloc`. Any thread.
  std::uint64_t id() const { return self().id(); }

  /// The name that it was given; else a description. Any thread.
  std::string name() const { return self().name(); }

  /// Tells it to stop: the waits that it is in and comes to end at once, as `cancelled`; a sleep gives false; its
  /// `std::stop_token` is told. It goes on to its own end. Any thread, which holds no lock that callbacks of the token
  /// take.
  void request_stop() noexcept { self().request_stop(); }

  /// The token of `request_stop`. Throws `std::bad_alloc`. Any thread.
  std::stop_token stop_token() const { return self().stop_token(); }

  /// Blocks the calling OS thread until it has ended, at most so long, and leaves the result to be taken, as Python's
  /// `Thread.join`; errors as `wait`. In green threads and handlers `co_await child.wait()`.
  troupe::result<void> join(std::chrono::nanoseconds timeout = forever) const { return this->wait(timeout).get(); }

  /// Lets it run on its own: an exception that it ends with comes out in the log.
  void detach() noexcept { future<T> dropped(std::move(*this)); }

private:
  strand& self() const noexcept { return *this->state()->giver(); }
};

namespace detail {

/// What all green threads have.
class green_strand : public coroutine_strand {
public:
  std::string describe() const override;
  void request_kill() noexcept override {
    killed_.store(true, release);
    cancel_waits();
  }

  /// The first half of that; `heavy_barrier` and `call_off` are to follow.
  void mark_killed() noexcept;

  bool killed() const noexcept override { return killed_.load(acquire); }

  /// Before it is shared. Throws `std::bad_alloc`.
  void set_name(std::string name) { extras().name = std::move(name); }

protected:
  /// Sees the task-local values of whoever makes it. Throws `std::bad_alloc`.
  explicit green_strand(scheduler& home) : coroutine_strand(home) {
    if (sees_locals()) [[unlikely]] {
      if (local_binding* b = newest_local()) set_locals(*this, *b);
    }
  }
  ~green_strand() = default;
};

/// What the exception that is being handled says.
std::string current_exception_text();

/// The error that a green thread ends with that threw `e`.
error crash_of(const std::exception_ptr& e);

/// The error of a green thread that was spawned when its scheduler had ended.
error came_too_late() noexcept;

/// What a callable returns that a green thread is made of: it may take a `std::stop_token` first, as that of a
/// `std::jthread`.
template <class F, class... Args>
struct task_call {
  static constexpr bool takes_token = std::is_invocable_v<F&, std::stop_token, Args...>;
  static_assert(takes_token || std::is_invocable_v<F&, Args...>,
                "troupe: spawn takes a callable and its arguments: spawn(f, 2), not spawn(f(2))");
  using body = typename std::conditional_t<takes_token, std::invoke_result<F&, std::stop_token, Args...>,
                                           std::invoke_result<F&, Args...>>::type;
  static_assert(is_task<body>, "troupe: what spawn is given must return a troupe::task");
  using value_type = typename body::value_type;
  using handle = call_outcome<green_thread<value_type>, F, Args...>;
  using handle_of_named = call_outcome<green_thread<value_type>, F, task_options, Args...>;
};

/// A green thread: strand, state of the future, callable and arguments in one piece of memory. Beside it there is the
/// frame of the coroutine, made when it first runs.
///
/// GT1. What it ran with goes, and it leaves the list of the living, before its result is there.
///
/// `Strand` is `green_strand`, or the child of a scope, which is told of the end.
template <class Strand, class F, class... Args>
class green_object final : public Strand, public future_state<typename task_call<F, Args...>::value_type> {
  using T = typename task_call<F, Args...>::value_type;
  static constexpr bool is_child = !std::is_same_v<Strand, green_strand>;

public:
  using value_type = T;

  static green_object* make(scheduler& home, F&& f, Args&&... args) {
    void* const memory = pool_allocate(sizeof(green_object), alignof(green_object));
    try {
      return new (memory) green_object(home, std::move(f), std::move(args)...);
    } catch (...) {
      pool_free(memory, sizeof(green_object), alignof(green_object));
      throw;
    }
  }

  /// The same with a name.
  static green_object* make_named(scheduler& home, task_options&& options, F&& f, Args&&... args) {
    green_object* const made = make(home, std::move(f), std::move(args)...);
    try {
      made->set_name(std::move(options.name));
    } catch (...) {  // nobody else has seen it
      std::destroy_at(&made->kept_);
      made->destroy();
      throw;
    }
    return made;
  }

  scheduler& provider() const noexcept override { return this->home(); }
  const void* owner() const noexcept override { return static_cast<const strand*>(this); }
  bool begun() const noexcept override { return this->has_begun_.load(relaxed); }
  strand* giver() noexcept override { return this; }
  void first_wait_in_graph() noexcept override {
    this->has_waited_in_graph = true;
    this->begin_to_wait();
  }

  std::coroutine_handle<> first_coroutine() noexcept override {
    this->has_begun_.store(true, relaxed);
    try {
      body_ = call(std::index_sequence_for<Args...>());
      if (!body_) this->put(error(errc::cancelled));
      return body_.frame();
    } catch (...) {
      this->put(crash_of(std::current_exception()));
      return {};
    }
  }

private:
  green_object(scheduler& home, F&& f, Args&&... args) : Strand(home), kept_(std::move(f), std::move(args)...) {}
  ~green_object() {
    if constexpr (!is_child) this->report_if_unread(this);  // the scope tells
  }

  template <std::size_t... I>
  task<T> call(std::index_sequence<I...>) {
    if constexpr (task_call<F, Args...>::takes_token)
      return std::invoke(std::get<0>(kept_), this->stop_token(), std::move(std::get<I + 1>(kept_))...);
    else
      return std::invoke(std::get<0>(kept_), std::move(std::get<I + 1>(kept_))...);
  }

  void end() noexcept override {
    if (body_ || !begun()) give_outcome();
    body_ = {};
    std::destroy_at(&kept_);
    if (this->has_locals) drop_locals(*this);
    this->home().strands().remove(*this);
    if constexpr (is_child) {
      if (!this->leave_scope(this->cause())) return;  // `finish` follows
    }
    finish();
  }

  void finish() noexcept {
    if constexpr (is_child) {
      auto& in = this->enclosing();
      this->complete();
      Strand::let_go_on(in);
    } else {
      this->complete();
    }
  }

  void give_outcome() noexcept {
    if (!this->killed() && !begun()) return this->put(came_too_late());
    if (!body_ || !body_.frame().done()) return this->put(error(errc::cancelled));  // it was killed
    auto& promise = body_.frame().promise();
    if (promise.failure) return this->put(crash_of(promise.failure));
    if constexpr (std::is_void_v<T>) {
      this->put({});
    } else {
      try {
        this->put(promise.take());
      } catch (...) {  // the value cannot be moved
        this->put(crash_of(std::current_exception()));
      }
    }
  }

  void destroy() noexcept override {
    this->~green_object();
    pool_free(this, sizeof(green_object), alignof(green_object));
  }

  task<T> body_;
  union {
    std::tuple<F, Args...> kept_;  // until `end`
  };
};

/// Starts a green thread that has been made; the caller gets the one handle on it.
template <class F, class... Args>
auto start(green_object<green_strand, F, Args...>& made) noexcept {
  scheduler& home = made.home();
  home.strands().add(made);
  if (home.spawning_ended()) [[unlikely]]
    made.abandoned();
  else
    home.schedule(made);
  return green_thread<typename task_call<F, Args...>::value_type>(&made);
}

}  // namespace detail

/// Starts a green thread on `home` that runs `f(args...)`, which returns a `task<T>`; callable and arguments are kept
/// until it ends. A callable that takes a `std::stop_token` first gets the one of `green_thread::request_stop`. The
/// handle gives its result as a future does; an exception becomes `errc::crashed` with its text, and `error::cause()`
/// is the exception itself. Where the scheduler has been shut down the result is `errc::shutdown`, at once. Dropping
/// the handle detaches. Throws `std::bad_alloc`. Any thread.
///
///     auto child = spawn(home, [text] { return count_words(text); });
///     auto words = co_await child;
template <class F, class... Args>
auto spawn(scheduler& home, F f, Args... args) {
  using made = detail::green_object<detail::green_strand, F, Args...>;
  using handle = typename detail::task_call<F, Args...>::handle;
  return handle(detail::start(*made::make(home, std::move(f), std::move(args)...)));
}

/// The same with a name, which reports show: `spawn(home, {.name = "reader"}, f, args...)`.
template <class F, class... Args>
auto spawn(scheduler& home, task_options options, F f, Args... args) {
  using made = detail::green_object<detail::green_strand, F, Args...>;
  using handle = typename detail::task_call<F, Args...>::handle_of_named;
  return handle(detail::start(*made::make_named(home, std::move(options), std::move(f), std::move(args)...)));
}

template <class T>
template <class F>
auto future<T>::then(F f) && {
  using U = std::invoke_result_t<F&, troupe::result<T>>;
  static_assert(!is_task<U>, "troupe: then takes a plain function; a coroutine awaits the future instead");
  scheduler& home = state_->provider().base();
  future<U> outcome(spawn(
      home,
      [](future<T> source, F continuation) -> task<U> {
        troupe::result<T> r = co_await source;
        co_return std::invoke(continuation, std::move(r));
      },
      std::move(*this), std::move(f)));
  return detail::call_outcome<future<U>, F>(std::move(outcome));
}

}  // namespace troupe
