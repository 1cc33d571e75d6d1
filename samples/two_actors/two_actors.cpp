// Two named actors on one thread: `counter` sends n to `printer` and n - 1 to itself.
//
// The counter never calls itself: each number is a message, so the stack stays flat however far it counts, and the
// two take turns on the thread of `main`, one message each. At 0 it closes itself; the printer is closed with the
// runtime.

#include <iostream>
#include <utility>

#include <troupe/troupe.hpp>

namespace {

class printer : public troupe::actor {
public:
  void on(int n) { std::cout << "Got: " << n << '\n'; }
};

class counter : public troupe::actor {
public:
  explicit counter(troupe::address<int> out) : out_(std::move(out)) {}

  void on(int n) {
    if (n == 0) return close_self();
    out_.send(n);
    self(this).send(n - 1);
  }

private:
  troupe::address<int> out_;
};

}  // namespace

int main() {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  auto p = rt.spawn_named<printer>("printer");
  auto c = rt.spawn_named<counter>("counter", p);
  c.send(7);
  rt.run();
}
