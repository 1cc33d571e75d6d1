// expect: troupe: operators of time need a stream from an exchange
#include <chrono>
#include <troupe/exchange/stream.hpp>

auto use() { return troupe::from({1, 2, 3}).debounce(std::chrono::seconds(1)); }
