#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <troupe/base/result.hpp>

namespace troupe {

/// How a deterministic loop picks the job that runs next where several can (C12).
struct schedule_strategy {
  enum class kind : std::uint8_t { random, pct, replay };

  /// Any of them, each as likely, for one to four messages or steps.
  static schedule_strategy random() { return {}; }

  /// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010): each strand gets
  /// a random priority when it is made, and the one with the highest runs. At `depth - 1` of the first `steps` steps,
  /// drawn at random, whoever would run is put below all others. A bug that takes an order of `depth` events among n
  /// strands is found with a probability of at least 1 / (n * steps^(depth - 1)). After `steps` the run goes on at
  /// random, so that a strand that spins or floods starves nobody for ever (fair PCT, as in Coyote).
  static schedule_strategy pct(unsigned depth, std::uint64_t steps = 1'000) { return {kind::pct, depth, steps, {}}; }

  /// The choices of a recorded run; after the last of them the job that has waited longest runs.
  static schedule_strategy replay(std::string recording) { return {kind::replay, 0, 0, std::move(recording)}; }

  kind how = kind::random;
  unsigned depth = 0;       ///< of `pct`, at least 1
  std::uint64_t steps = 0;  ///< of `pct`, at least 1
  std::string recording{};  ///< of `replay`
};

/// All that it takes to have a deterministic run again.
struct seeded_schedule {
  std::uint64_t seed = 0;
  schedule_strategy strategy{};

  /// One word: `7:random`, `7:pct3/500`, `replay:<recording>`.
  std::string text() const;

  /// The reverse; also understands `7` and `7:pct3`. Error: `invalid_argument`, with what was expected.
  static result<seeded_schedule> parse(std::string_view text);
};

}  // namespace troupe
