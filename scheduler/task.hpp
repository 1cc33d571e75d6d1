#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe {

template <class T>
class task;

namespace detail {

/// Frames come from the pool: GCC never elides them.
struct pooled_frame {
  static void* operator new(std::size_t size) { return pool_allocate(size); }
  static void operator delete(void* p, std::size_t size) noexcept { pool_free(p, size); }
};

/// How a task has ended.
template <class T>
struct task_outcome {
  std::exception_ptr failure;
  std::optional<T> value;

  T take() {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    return std::move(*value);
  }
};

template <>
struct task_outcome<void> {
  std::exception_ptr failure;

  void take() {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }
};

struct task_promise_base : pooled_frame {
  std::uintptr_t continuation = 0;  ///< the address of the coroutine that awaits this one, or of a fork's child, marked

  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct final_awaiter {
    bool frame_goes;
    bool await_ready() const noexcept { return frame_goes; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
      const std::uintptr_t next = h.promise().continuation;
      trampoline& t = current_trampoline();
      if (fork_child* c = fork_child::marked_by(next))
        fork_record::last_child_ended(*c, t);
      else
        t.next = std::coroutine_handle<>::from_address(reinterpret_cast<void*>(next));
    }
    void await_resume() const noexcept {}
  };
  final_awaiter final_suspend() const noexcept {
    fork_child* c = fork_child::marked_by(continuation);
    return {c && fork_record::child_ended(*c, current_trampoline())};
  }
};

/// Throws the error of whoever awaits a task that cannot run.
[[noreturn]] void no_task();

template <class T>
struct typed_task_promise : task_promise_base, task_outcome<T> {
  task<T> get_return_object() noexcept;
  void unhandled_exception() noexcept { outcome().failure = std::current_exception(); }

protected:
  /// Where the end is to be told: here, or in the fork (B6).
  task_outcome<T>& outcome() noexcept {
    fork_child* c = fork_child::marked_by(continuation);
    return c ? *static_cast<task_outcome<T>*>(c->outcome) : *this;
  }
};

template <class T>
struct task_promise : typed_task_promise<T> {
  template <class U>
  void return_value(U&& u) {
    this->outcome().value.emplace(std::forward<U>(u));
  }
};

template <>
struct task_promise<void> : typed_task_promise<void> {
  void return_void() const noexcept {}
};

}  // namespace detail

/// A coroutine that runs when it is awaited or spawned, and not before. Owns its frame; move only. An exception that
/// leaves the coroutine comes out of the `co_await`.
///
/// Belongs to one strand at a time: awaited by one coroutine, once.
template <class T = void>
class [[nodiscard]] task {
public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;

  task() = default;
  /// Internal; takes over the frame.
  explicit task(std::coroutine_handle<promise_type> h) noexcept : frame_(h) {}
  task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  task& operator=(task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }

  /// True unless it was moved from or default-constructed.
  explicit operator bool() const noexcept { return static_cast<bool>(frame_); }

  /// Runs it to its end in the calling strand; gives its result, or lets its exception through. Once.
  /// Throws `troupe_error` (`invalid_argument`) for a task that was moved from or has run before.
  auto operator co_await() const {
    if (!frame_ || frame_.done()) [[unlikely]]
      detail::no_task();
    struct awaiter {
      std::coroutine_handle<promise_type> frame;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> caller) const noexcept {
        frame.promise().continuation = reinterpret_cast<std::uintptr_t>(caller.address());
        detail::transfer_to(frame);
      }
      T await_resume() const { return frame.promise().take(); }
    };
    return awaiter{frame_};
  }

  /// For whoever starts it by other means than `co_await`; `release` leaves the frame to the caller.
  std::coroutine_handle<promise_type> frame() const noexcept { return frame_; }
  std::coroutine_handle<promise_type> release() noexcept { return std::exchange(frame_, {}); }

private:
  std::coroutine_handle<promise_type> frame_;
};

/// True for `task<T>`.
template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

namespace detail {
template <class T>
task<T> typed_task_promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<task_promise<T>>::from_promise(static_cast<task_promise<T>&>(*this)));
}
}  // namespace detail

}  // namespace troupe
