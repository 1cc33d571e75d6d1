#pragma once

#include <cstdint>

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): what is seeded in
/// the tree draws from it, so that a seed replays everywhere what it once did. Not for secrets.
namespace troupe::detail {

/// 2^64 divided by the golden ratio: multiples of it lie far apart.
inline constexpr std::uint64_t splitmix_step = 0x9e3779b97f4a7c15;

/// The finalizer: numbers that follow each other give numbers that have nothing in common. Of 0 it makes 0.
constexpr std::uint64_t splitmix(std::uint64_t x) noexcept {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// The next number of the sequence whose state that is; any number is a seed.
constexpr std::uint64_t next_splitmix(std::uint64_t& state) noexcept { return splitmix(state += splitmix_step); }

}  // namespace troupe::detail
