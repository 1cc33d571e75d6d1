#pragma once

#include "common.hpp"

/// The channel benchmarks, for `bench_troupe`.
namespace bench {

/// Two green threads pass a number back and forth over two channels without capacity.
bool channel(const options& opts);

/// The same over channels that hold one item: whoever answers does not wait to be met.
bool channel_1(const options& opts);

/// One green thread sends to another over a channel that holds 128 items.
bool channel_buffered(const options& opts);

}  // namespace bench
