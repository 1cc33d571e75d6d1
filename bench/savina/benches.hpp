#pragma once

#include "../common.hpp"

#include <initializer_list>
#include <span>
#include <vector>

/// The Savina benchmarks of one system, by family. Each program has its own.
namespace bench::savina {

std::span<const entry> micro();
std::span<const entry> concurrency();
/// Concurrency too: the barber, the smokers and the bank.
std::span<const entry> services();
std::span<const entry> parallelism();
/// Those that are not of the suite.
std::span<const entry> others();

/// The benchmarks of a program: its own, then these.
inline std::vector<entry> all(std::span<const entry> own) {
  std::vector<entry> result(own.begin(), own.end());
  for (auto family : {micro(), concurrency(), services(), parallelism(), others()}) {
    result.insert(result.end(), family.begin(), family.end());
  }
  return result;
}

}  // namespace bench::savina
