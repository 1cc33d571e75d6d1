// The squares of 0 to 99, each added as soon as it is there.
// Python: concurrent.futures.as_completed.

#include <iostream>
#include <vector>

#include <troupe/scheduler/future_set.hpp>
#include <troupe/troupe.hpp>

int main() {
  troupe::runtime rt;
  troupe::executor pool(rt);
  std::vector<troupe::future<int>> squares;
  for (int n = 0; n != 100; ++n) squares.push_back(pool.submit([](int x) { return x * x; }, n));

  int sum = 0;
  for (troupe::future<int>& square : troupe::as_completed(squares)) sum += square.get().value();
  std::cout << "the squares of 0 to 99 add up to " << sum << '\n';
}
