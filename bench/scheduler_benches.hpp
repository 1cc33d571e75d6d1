#pragma once

#include "common.hpp"

namespace bench {

// Troupe's scheduler in the benchmarks that README.md describes, as entries of bench_troupe: each runs, prints its
// metrics, and returns whether its self check passed.

bool yield(const options& opts);
bool spawn_join(const options& opts);
bool sleepers(const options& opts);
bool timer(const options& opts);
bool idle_sleepers(const options& opts);
bool wake(const options& opts);
bool submit(const options& opts);

}  // namespace bench
