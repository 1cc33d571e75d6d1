#pragma once

#include "common.hpp"

/// Publishing to a fanout exchange, for `bench_troupe`.
namespace bench {

/// One actor publishes to so many others.
bool publish_1(const options& opts);
bool publish_10(const options& opts);
bool publish_100(const options& opts);
bool publish_1000(const options& opts);

/// 100 fast subscribers and one that takes 1 ms a message, under each policy but `block`: what that costs the fast.
bool slow_subscriber(const options& opts);

}  // namespace bench
