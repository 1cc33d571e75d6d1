// A producer and two consumers share a channel; a sentinel says that nothing more comes, and each consumer puts it back
// for the next. (`close` says the same without a sentinel.)
// Python: queue.Queue with a sentinel.

#include <iostream>
#include <optional>
#include <thread>

#include <troupe/scheduler/channel.hpp>

namespace {

using items = troupe::channel<std::optional<int>>;
constexpr std::nullopt_t sentinel = std::nullopt;

void produce(items& out, int n) {
  for (int i = 1; i <= n; ++i) out.send(i).get().value();
  out.send(sentinel).get().value();
}

void consume(items& in, long& sum) {
  while (auto item = in.receive().get().value()) sum += *item;
  in.send(sentinel).get().value();
}

}  // namespace

int main() {
  items queue;
  long first = 0;
  long second = 0;
  std::thread one(consume, std::ref(queue), std::ref(first));
  std::thread other(consume, std::ref(queue), std::ref(second));
  produce(queue, 100);
  one.join();
  other.join();
  std::cout << "both consumers have seen the sentinel, and " << queue.size() << " is left in the queue\n";
  std::cout << "the sum of 1 to 100 is " << first + second << '\n';
}
