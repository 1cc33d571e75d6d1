// expect: troupe: filter and take_while take a function
#include <string>
#include <troupe/exchange/stream.hpp>

auto use() {
  return troupe::from({1, 2, 3}).filter([](int) { return std::string(); });
}
