// Going on only once another thread is under way: the worker says so by an event.
// Python: threading.Event.

#include <iostream>
#include <thread>

#include <troupe/scheduler/event.hpp>

namespace {

void countdown(int n, troupe::event& started) {
  std::cout << "countdown starting\n";
  started.set();
  while (n > 0) --n;
}

}  // namespace

int main() {
  troupe::event started;
  std::cout << "launching countdown\n";
  std::thread worker(countdown, 10, std::ref(started));
  started.wait().get();
  std::cout << "countdown is running\n";
  worker.join();
}
