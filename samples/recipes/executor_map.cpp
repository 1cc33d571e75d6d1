// Three jobs sleep for 20, 30 and 40 ms at the same time; their results come in the order of the inputs.
// Python: concurrent.futures.Executor.map.

#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

#include <troupe/troupe.hpp>

int main() {
  using namespace std::chrono_literals;
  troupe::runtime rt;
  troupe::executor pool(rt, {.max_workers = 3, .own_threads = true});
  const auto pause = [](int n) {
    std::this_thread::sleep_for(n * 10ms);
    return n * 10.0;
  };
  std::cout.precision(1);
  std::cout << std::fixed;
  const char* between = "";
  for (double slept : pool.map(pause, std::vector{2, 3, 4})) {
    std::cout << between << slept;
    between = " ";
  }
  std::cout << '\n';
}
