#pragma once

#include "../common.hpp"

#include <cstdint>

#include <troupe/troupe.hpp>

/// What the benchmarks of Troupe share.
namespace bench::savina {

/// Begins a round of `n` messages, meals, meetings or the like.
struct start {
  std::uint64_t n;
};

inline troupe::runtime_options configured(const options& opts) {
  troupe::runtime_options result;
  result.workers = opts.workers;
  return result;
}

}  // namespace bench::savina
