#pragma once

#include "common.hpp"

/// The benchmark of stream operators, for `bench_troupe`.
namespace bench {

/// Map, filter, windows of 100 and reduce: over a range in turn with a plain loop, and over an exchange in turn with an
/// actor written by hand. All give the same number.
bool stream(const options& opts);

}  // namespace bench
