// One thread waits for several queues at once, and takes from whichever has something; a time limit and a sign to stop
// are alternatives like any other.
// Python: select on sockets that stand for queues (Python Cookbook, 12.13). Go: select.

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/select.hpp>

namespace {

using namespace std::chrono_literals;

struct queues {
  troupe::channel<int> numbers;
  troupe::channel<std::string> words;
  troupe::event stop;
};

void poll(queues& q) {
  long sum = 0;
  std::size_t letters = 0;
  for (;;) {
    auto chosen = troupe::select(q.numbers.receive(), q.words.receive(), q.stop.wait(), troupe::after(1h)).get();
    switch (chosen.index()) {
      case 0:
        sum += std::get<0>(chosen).value();
        q.numbers.task_done().value();
        break;
      case 1:
        letters += std::get<1>(chosen).value().size();
        q.words.task_done().value();
        break;
      case 2: std::cout << "numbers add up to " << sum << ", words have " << letters << " letters\n"; return;
      default: std::cout << "nothing for an hour\n"; return;
    }
  }
}

}  // namespace

int main() {
  queues q;
  std::thread poller(poll, std::ref(q));
  for (int i = 1; i <= 4; ++i) {
    q.numbers.send(i).get().value();
    q.words.send(std::string(static_cast<std::size_t>(i), 'x')).get().value();
  }
  q.numbers.join().get().value();
  q.words.join().get().value();
  q.stop.set();
  poller.join();
}
