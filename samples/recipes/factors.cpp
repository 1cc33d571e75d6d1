// Three workers take numbers from one queue, and give back the factors of each; which worker gets which is left to
// chance, so the results come with their numbers.
// Python: queue.Queue and three threads. Go: a worker pool.

#include <iostream>
#include <map>
#include <vector>

#include <troupe/scheduler/channel.hpp>
#include <troupe/troupe.hpp>

namespace {

struct factored {
  int number;
  std::vector<int> factors;
};

troupe::task<> work(troupe::channel<int>& numbers, troupe::channel<factored>& results) {
  for (;;) {
    const auto n = co_await numbers.receive();
    if (!n) co_return;  // closed, and nothing is left
    std::vector<int> factors;
    for (int d = 1; d <= *n; ++d)
      if (*n % d == 0) factors.push_back(d);
    (co_await results.emplace(*n, std::move(factors))).value();
  }
}

}  // namespace

int main() {
  troupe::runtime rt;
  troupe::channel<int> numbers;
  troupe::channel<factored> results;
  std::vector<troupe::future<void>> workers;
  for (int i = 0; i != 3; ++i) workers.push_back(rt.spawn(work, std::ref(numbers), std::ref(results)));

  const std::vector<int> input{1, 10, 4, 3};
  numbers.send_all(input).get().value();
  numbers.close();

  std::map<int, std::vector<int>> found;
  for (std::size_t i = 0; i != input.size(); ++i) {
    factored f = results.receive().get().value();
    found[f.number] = std::move(f.factors);
  }
  for (int n : input) {
    std::cout << n << ':';
    for (int factor : found[n]) std::cout << ' ' << factor;
    std::cout << '\n';
  }
  for (auto& w : workers) w.get().value();
}
