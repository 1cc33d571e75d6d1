// Two green threads that wait for each other's result. Nothing hangs: one of them is told at once, gives up, and so the
// other gets its result.
// Python: two futures of one concurrent.futures executor that wait for each other, which hang for ever.

#include <iostream>

#include <troupe/troupe.hpp>

namespace {

troupe::task<int> add_one_to(troupe::future<troupe::future<int>> other) {
  troupe::future<int> twin = (co_await other).value();
  const troupe::result<int> n = co_await twin;
  if (n) co_return *n + 1;
  std::cout << "told: " << to_string(n.error().code()) << '\n';
  co_return 1;
}

}  // namespace

int main() {
  troupe::runtime rt;
  troupe::promise<troupe::future<int>> to_a(rt.scheduler());
  troupe::promise<troupe::future<int>> to_b(rt.scheduler());
  auto a = rt.spawn(add_one_to, to_a.get_future());
  auto b = rt.spawn(add_one_to, to_b.get_future());
  to_a.give(std::move(b));
  to_b.give(std::move(a));
  rt.run();
}
