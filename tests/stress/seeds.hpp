#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stress {

/// `stress --seeds`.
struct seeds_options {
  double seconds = 0;                         ///< for how long; at least one seed is run
  std::optional<std::uint64_t> first_seed{};  ///< none: a random one
  std::string schedule{};                     ///< if not empty, this one only, as a failure prints it
  const char* program = "stress";             ///< for the line that replays a failure
};

/// Runs random programs on deterministic runtimes until the time is over or one goes wrong. 0; 1 if one did; 2 if the
/// options are wrong.
int run_seeds(const seeds_options& options);

}  // namespace stress
