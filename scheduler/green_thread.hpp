#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/scheduler/detail/coroutine_strand.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

/// A handle on a green thread: the future of its result, and the green thread itself. Where only the result is wanted it
/// converts to a `future<T>`. Dropping it detaches.
template <class T>
class green_thread : public future<T> {
public:
  green_thread() = default;
  /// Internal; users get it from `spawn`.
  explicit green_thread(detail::future_state<T>* state) noexcept : future<T>(state) {}

  /// Its number: no other green thread of the process has or had it. Throws `std::bad_alloc`. Any thread.
  std::uint64_t id() const { return self().id(); }

  /// The name that it was given; else a description. Any thread.
  std::string name() const { return self().describe(); }

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
  bool killed() const noexcept override { return killed_.load(acquire); }

protected:
  using coroutine_strand::coroutine_strand;
  ~green_strand() = default;

  const char* kind() const noexcept final { return "green thread"; }
};

/// What the exception that is being handled says.
std::string current_exception_text();

/// The error that a green thread ends with that threw `e`.
error crash_of(const std::exception_ptr& e);

/// A green thread: strand, state of the future, callable and arguments in one piece of memory. Beside it there is the
/// frame of the coroutine, made when it first runs.
///
/// GT1. What it ran with goes, and it leaves the list of the living, before its result is there.
template <class T, class F, class... Args>
class green_object final : public green_strand, public future_state<T> {
public:
  static green_object* make(scheduler& home, F&& f, Args&&... args) {
    return new (pool_allocate(sizeof(green_object), alignof(green_object)))
        green_object(home, std::move(f), std::move(args)...);
  }

  scheduler& provider() const noexcept override { return this->home(); }
  const void* owner() const noexcept override { return static_cast<const strand*>(this); }
  bool begun() const noexcept override { return has_begun_.load(relaxed); }
  strand* giver() noexcept override { return this; }

  std::coroutine_handle<> first_coroutine() noexcept override {
    has_begun_.store(true, relaxed);
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
  green_object(scheduler& home, F&& f, Args&&... args) : green_strand(home), kept_(std::move(f), std::move(args)...) {}
  ~green_object() { this->report_if_unread(); }

  template <std::size_t... I>
  task<T> call(std::index_sequence<I...>) {
    return std::invoke(std::get<0>(kept_), std::move(std::get<I + 1>(kept_))...);
  }

  void end() noexcept override {
    if (body_ || !begun()) give_outcome();
    body_ = {};
    std::destroy_at(&kept_);
    home().strands().remove(*this);
    this->complete();
  }

  void give_outcome() noexcept {
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
template <class T, class F, class... Args>
green_thread<T> start(green_object<T, F, Args...>& made) noexcept {
  made.home().strands().add(made);
  made.home().schedule(made);
  return green_thread<T>(&made);
}

}  // namespace detail

/// Starts a green thread on `home` that runs `f(args...)`, which returns a `task<T>`; callable and arguments are kept
/// until it ends. The handle gives its result as a future does; an exception becomes `errc::crashed` with its text, and
/// `error::cause()` is the exception itself. Dropping the handle detaches. Any thread.
template <class F, class... Args>
auto spawn(scheduler& home, F f, Args... args) {
  static_assert(std::is_invocable_v<F&, Args...>,
                "troupe: spawn takes a callable and its arguments: spawn(f, 2), not spawn(f(2))");
  using body = std::invoke_result_t<F&, Args...>;
  static_assert(is_task<body>, "troupe: what spawn is given must return a troupe::task");
  using made = detail::green_object<typename body::value_type, F, Args...>;
  return detail::start(*made::make(home, std::move(f), std::move(args)...));
}

template <class T>
template <class F>
auto future<T>::then(F f) && {
  using U = std::invoke_result_t<F&, troupe::result<T>>;
  scheduler& home = state_->provider();
  return future<U>(spawn(
      home,
      [](future<T> source, F continuation) -> task<U> {
        troupe::result<T> r = co_await source;
        co_return std::invoke(continuation, std::move(r));
      },
      std::move(*this), std::move(f)));
}

}  // namespace troupe
