// expect: troupe: map takes a function that is called with the Item of the stream and returns another
#include <string>
#include <troupe/exchange/stream.hpp>

auto use() {
  return troupe::from({1, 2, 3}).map([](const std::string& text) { return text.size(); });
}
