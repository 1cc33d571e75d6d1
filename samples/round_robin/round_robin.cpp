// Three green threads take turns on one thread.
//
// A green thread is a function that returns `task<>`. It costs a coroutine frame, not a stack, and runs until it
// gives way. Here the runtime has no threads of its own: `run` runs everything on the thread of `main`, in strict
// rotation, one step each. No locks are needed, and what is printed is the same in every run.

#include <iostream>

#include <troupe/troupe.hpp>

using troupe::this_task::yield;

namespace {

troupe::task<> countdown(int n) {
  for (; n > 0; --n) {
    std::cout << "T-minus " << n << '\n';
    co_await yield();
  }
  std::cout << "Blastoff!\n";
}

troupe::task<> countup(int n) {
  for (int i = 0; i < n; ++i) {
    std::cout << "Counting up " << i << '\n';
    co_await yield();
  }
}

}  // namespace

int main() {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  rt.spawn(countdown, 10);
  rt.spawn(countdown, 5);
  rt.spawn(countup, 15);
  rt.run();
}
