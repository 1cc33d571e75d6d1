#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Why an actor ended.
enum class exit_kind : std::uint8_t {
  normal,   ///< it was closed and has handled what was sent before, or its `run` came to its end
  killed,   ///< somebody killed it
  crashed,  ///< a handler threw
};

/// The name of a kind, such as "crashed".
std::string_view to_string(exit_kind kind) noexcept;

/// How an actor ended, and for a crash what the exception said.
struct exit_reason {
  exit_kind kind = exit_kind::normal;  ///< how
  std::string text;                    ///< what the exception said; empty unless it crashed

  friend bool operator==(const exit_reason&, const exit_reason&) = default;
};

}  // namespace troupe
