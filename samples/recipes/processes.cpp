// Communicating sequential processes (Hoare, 1978): two processes over two channels that hold nothing, so that sender
// and receiver meet. One sends numbers and prints what comes back, the other squares.
// Go: two goroutines and two unbuffered channels.

#include <iostream>

#include <troupe/scheduler/channel.hpp>
#include <troupe/troupe.hpp>

namespace {

using channel = troupe::channel<int>;

troupe::task<> ask(channel& questions, channel& answers) {
  for (int n = 1; n <= 5; ++n) {
    (co_await questions.send(n)).value();
    const int square = (co_await answers.receive()).value();
    std::cout << n << " squared is " << square << '\n';
  }
  questions.close();
}

troupe::task<> square(channel& questions, channel& answers) {
  for (;;) {
    const auto n = co_await questions.receive();
    if (!n) co_return;
    (co_await answers.send(*n * *n)).value();
  }
}

}  // namespace

int main() {
  channel questions(0);
  channel answers(0);
  troupe::runtime rt;
  auto one = rt.spawn(ask, std::ref(questions), std::ref(answers));
  auto other = rt.spawn(square, std::ref(questions), std::ref(answers));
  one.get().value();
  other.get().value();
}
