// Knowing when what was sent has been worked on: of one item by an event that travels with it, of all by task_done and
// join.
// Python: queue.Queue of (item, Event); queue.Queue.task_done and join.

#include <iostream>
#include <memory>
#include <thread>

#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/event.hpp>

namespace {

struct tracked {
  int item;
  std::shared_ptr<troupe::event> done;
};

void consume(troupe::channel<tracked>& in) {
  while (auto next = in.receive().get()) {
    std::cout << "working on " << next->item << '\n';
    next->done->set();
    in.task_done().value();
  }
}

}  // namespace

int main() {
  troupe::channel<tracked> queue;
  std::thread consumer(consume, std::ref(queue));

  auto done = std::make_shared<troupe::event>();
  queue.emplace(1, done).get().value();
  done->wait().get();
  std::cout << "the consumer is done with 1\n";

  for (int i = 2; i <= 4; ++i) queue.emplace(i, std::make_shared<troupe::event>()).get().value();
  queue.join().get().value();
  std::cout << "the consumer is done with all\n";

  queue.close();
  consumer.join();
}
