// The smallest actor: a loop that prints what it is sent.
//
// `receive` waits without holding a thread. After `close` it still gives what was sent before, and then nothing:
// the loop ends, and with it the actor. So "Hello" and "World" are always printed, in this order, before `join`
// returns.

#include <iostream>
#include <string>

#include <troupe/troupe.hpp>

using namespace std::string_literals;

namespace {

class printer : public troupe::loop_actor<std::string> {
  troupe::task<> run() override {
    while (auto text = co_await receive()) std::cout << *text << '\n';
  }
};

}  // namespace

int main() {
  troupe::runtime rt;
  auto p = rt.spawn<printer>();
  p.send("Hello"s);
  p.send("World"s);
  p.close();
  return p.join() ? 0 : 1;
}
