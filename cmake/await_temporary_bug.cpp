#include <coroutine>
#include <cstdio>
#include <exception>
#include <utility>

// Exits with 1 if an aggregate temporary inside a co_await expression is not destroyed exactly once.

namespace {

int alive = 0;

struct counted {
  counted() { ++alive; }
  counted(const counted&) { ++alive; }
  counted(counted&&) noexcept { ++alive; }
  counted& operator=(const counted&) = default;
  ~counted() { --alive; }
};

struct message {
  int number;
  counted member;
};

struct awaitable {
  message held;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const noexcept { return held.number; }
};

awaitable ask(message&& m) { return {std::move(m)}; }

struct coroutine {
  struct promise_type {
    coroutine get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

coroutine caller(int& out) { out = co_await ask(message{7, {}}); }

}  // namespace

int main() {
  int out = 0;
  coroutine c = caller(out);
  c.handle.resume();
  c.handle.resume();
  c.handle.destroy();
  if (out == 7 && alive == 0) return 0;
  std::printf("%d objects too %s\n", alive < 0 ? -alive : alive, alive < 0 ? "few" : "many");
  return 1;
}
