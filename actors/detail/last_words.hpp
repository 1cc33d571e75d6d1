#pragma once

#include <exception>
#include <string>
#include <utility>

#include <troupe/actors/exit_reason.hpp>
#include <troupe/base/error.hpp>
#include <troupe/base/log.hpp>

// What is said of ends and losses, which must come about also where there is no memory to say it. Any thread.
//
// LW1. Nothing here throws. Where there is no memory for a text, `no_memory` stands in its place, or the code of the
//      error alone.

namespace troupe::detail {

/// So short that a string needs no memory for it.
inline constexpr const char* no_memory = "out of memory";

/// The text that `text()` makes.
template <class Text>
std::string saying(Text text) noexcept {
  try {
    return text();
  } catch (...) {
    return no_memory;
  }
}

/// The error with the text that `text()` makes.
template <class Text>
error error_saying(errc code, Text text, std::exception_ptr cause = nullptr) noexcept {
  try {
    return error(code, std::string(text()), std::move(cause));
  } catch (...) {
    return error(code);
  }
}

/// Logs the line that `text()` makes.
template <class Text>
void log_saying(Text text) noexcept {
  try {
    log_line(text());
  } catch (...) {
    log_line("out of memory: a line of the log is lost");
  }
}

/// A copy, perhaps with `no_memory` for its text.
inline exit_reason copy_of(const exit_reason& r) noexcept {
  try {
    return r;
  } catch (...) {
    return {r.kind, no_memory, r.code, r.exception};
  }
}

}  // namespace troupe::detail
