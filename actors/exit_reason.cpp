#include <troupe/actors/exit_reason.hpp>

#include <fmt/format.h>

namespace troupe {

std::string_view to_string(exit_kind kind) noexcept {
  switch (kind) {
    case exit_kind::normal: return "normal";
    case exit_kind::killed: return "killed";
    case exit_kind::crashed: return "crashed";
    case exit_kind::shutdown: return "shutdown";
    case exit_kind::exited: return "exited";
  }
  return "unknown";
}

std::string to_string(const exit_reason& reason) {
  std::string line(to_string(reason.kind));
  if (reason.code != 0) line += fmt::format(" {}", reason.code);
  if (!reason.text.empty()) line += ": " + reason.text;
  return line;
}

}  // namespace troupe
