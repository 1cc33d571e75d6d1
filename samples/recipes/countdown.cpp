// A countdown in a green thread that is told to stop on its way: it ends its sleep, cleans up and goes to its end.
// Python Cookbook 12.1: CountdownTask.terminate.

#include <chrono>
#include <iostream>
#include <stop_token>

#include <troupe/troupe.hpp>

using namespace std::chrono_literals;

namespace {

troupe::task<int> count_down(std::stop_token stop, int from) {
  while (!stop.stop_requested() && from > 0) {
    std::cout << "T-minus " << from << '\n';
    const bool slept = co_await troupe::this_task::sleep_for(1s);
    if (slept) --from;
  }
  if (from > 0) std::cout << troupe::this_task::name() << " was told to stop\n";
  co_return from;
}

}  // namespace

int main() {
  troupe::runtime rt({.seed = 1});  // time is virtual: the seconds pass at once
  auto countdown = rt.spawn({.name = "countdown"}, count_down, 10);
  auto controller = rt.call_later(2500ms, [&] { countdown.request_stop(); });
  const int left = countdown.get().value();
  std::cout << "it ended at " << left << '\n';

  const int none_left = rt.spawn(count_down, 3).get().value();
  std::cout << "it ended at " << none_left << '\n';
}
