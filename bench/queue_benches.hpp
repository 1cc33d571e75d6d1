#pragma once

#include "common.hpp"

/// The benchmarks of queues with acknowledgement, for `bench_troupe`.
namespace bench {

/// Four actors publish to a queue, each with a window of messages that are not acknowledged; four others handle them.
bool publish_queue(const options& opts);

}  // namespace bench
