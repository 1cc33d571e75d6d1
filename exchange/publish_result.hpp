#pragma once

#include <cstddef>

namespace troupe {

/// What became of a message that was published.
struct [[nodiscard]] publish_result {
  std::size_t receivers = 0;  ///< subscribers that will get it
  std::size_t refused = 0;    ///< subscribers that had no room for it, and whose policy is to fail

  /// True if no subscriber has refused it.
  explicit operator bool() const noexcept { return refused == 0; }
};

}  // namespace troupe
