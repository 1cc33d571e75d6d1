// expect: troupe: group_by takes a function that gives the key of an Item
#include <troupe/exchange/stream.hpp>

auto use() {
  return troupe::from({1, 2, 3}).group_by([](int x) { return x % 2; }, [](int key, auto) { return key; });
}
