// expect: troupe: merge takes a stream of the same items
#include <troupe/exchange/stream.hpp>

auto use() { return troupe::from({1, 2, 3}).merge(troupe::from({"a", "b"})); }
