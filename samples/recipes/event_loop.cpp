// Calls that are queued, a loop that runs until it is stopped, and a future that a coroutine completes.
// Python: asyncio's call_soon, call_later, run_forever, stop, run_until_complete.

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/run_until.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/timed_call.hpp>

using namespace std::chrono_literals;

namespace {

/// Calls itself again until it has counted to the end.
void count(troupe::run_loop& loop, int n, int last) {
  std::cout << "call " << n << '\n';
  if (n == last) return loop.stop();
  call_later(loop, 2ms, [&loop, n, last] { count(loop, n + 1, last); });
}

troupe::task<> slow_operation(troupe::promise<std::string> result) {
  co_await troupe::this_task::sleep_for(5ms);
  result.give(std::string("the future is done"));
}

troupe::task<> show(troupe::future<std::string> result, troupe::run_loop& loop) {
  auto text = co_await result;
  std::cout << text.value() << '\n';
  loop.stop();
}

troupe::task<int> answer() {
  co_await troupe::this_task::yield();
  co_return 42;
}

}  // namespace

int main() {
  troupe::run_loop loop;

  call_soon(loop, [] { std::cout << "hello\n"; });
  call_soon(loop, [&] { count(loop, 1, 3); });
  loop.run_forever();

  troupe::promise<std::string> result(loop);
  auto done = result.get_future();
  auto reader = spawn(loop, show, std::move(done), std::ref(loop));
  auto writer = spawn(loop, slow_operation, std::move(result));
  loop.run_forever();

  std::thread other([&] { call_soon(loop, [&] { loop.stop(); }); });  // from any thread
  loop.run_forever();
  other.join();
  std::cout << "stopped by another thread\n";

  std::cout << run_until(loop, answer()).value() << '\n';
}
