#pragma once

#include "common.hpp"

/// What a slow subscriber costs the others, for `bench_troupe`.
namespace bench {

/// 100 fast subscribers of a fanout exchange and one that takes 1 ms a message, under each policy but `block`.
bool slow_subscriber(const options& opts);

}  // namespace bench
