// The same items through channels of three orders: the oldest first, the newest first, the greatest first.
// Python: queue.Queue, queue.LifoQueue, queue.PriorityQueue (where the least comes first).

#include <functional>
#include <iostream>

#include <troupe/scheduler/channel.hpp>

namespace {

template <class Channel>
void show(const char* name) {
  Channel queue;
  for (int item : {3, 1, 4, 1, 5}) queue.send(item).get().value();
  queue.close();
  std::cout << name << ':';
  while (auto item = queue.receive().get()) std::cout << ' ' << *item;
  std::cout << '\n';
}

}  // namespace

int main() {
  show<troupe::channel<int>>("fifo");
  show<troupe::lifo_channel<int>>("lifo");
  show<troupe::priority_channel<int>>("priority");
  show<troupe::priority_channel<int, std::greater<int>>>("priority, the least first");
}
