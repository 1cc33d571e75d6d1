// Functions run on the threads of an executor, and give their results through futures; an exception comes with the
// result that is missing.
// Python: concurrent.futures.ThreadPoolExecutor.submit.

#include <iostream>
#include <stdexcept>
#include <string>

#include <troupe/troupe.hpp>

namespace {

std::string fetch(const std::string& page) {
  if (page == "lost") throw std::runtime_error("404: " + page);
  return "<" + page + ">";
}

}  // namespace

int main() {
  troupe::runtime rt;
  troupe::executor pool(rt, {.max_workers = 2, .name = "fetch", .own_threads = true});
  auto home = pool.submit(fetch, std::string("home"));
  auto lost = pool.submit(fetch, std::string("lost"));
  auto sum = pool.submit([](int a, int b) { return a + b; }, 40, 2);

  std::cout << home.get().value() << '\n';
  const auto nothing = lost.get();
  std::cout << to_string(nothing.error().code()) << ": " << nothing.error() << '\n';
  std::cout << sum.get().value() << '\n';
}
