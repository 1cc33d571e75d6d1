#pragma once

#include "common.hpp"

/// The benchmark of stream operators, for `bench_troupe`.
namespace bench {

/// Map, filter, windows of 100 and reduce over a range, in turn with a plain loop; both give the same number.
bool stream(const options& opts);

}  // namespace bench
