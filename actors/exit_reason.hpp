#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace troupe {

/// Why an actor ended.
enum class exit_kind : std::uint8_t {
  normal,    ///< it was closed and has handled what was sent before, or its `run` came to its end
  killed,    ///< somebody killed it
  crashed,   ///< a handler threw
  shutdown,  ///< as `normal`, but it was the runtime, its parent or its supervisor that closed it
  exited,    ///< it said so itself, by `exit(...)`, or one to which it was linked did
};

/// The name of a kind, such as "crashed".
std::string_view to_string(exit_kind kind) noexcept;

/// How an actor ended, and in its words.
struct exit_reason {
  exit_kind kind = exit_kind::normal;  ///< how
  std::string text{};                  ///< what the exception said, or the actor itself; else empty
  int code = 0;                        ///< what the actor gave to `exit`; else 0
  std::exception_ptr exception{};      ///< what was thrown; null unless it crashed by an exception

  /// True unless it came to its end in peace: killed, crashed or exited. Whoever is linked is told of it.
  bool abnormal() const noexcept { return kind != exit_kind::normal && kind != exit_kind::shutdown; }

  /// Equal if they say the same; the exception is not looked at.
  friend bool operator==(const exit_reason& a, const exit_reason& b) noexcept {
    return a.kind == b.kind && a.text == b.text && a.code == b.code;
  }
};

/// One line for people: "crashed: out of paper".
std::string to_string(const exit_reason& reason);

}  // namespace troupe
