#include <troupe/actors/exit_reason.hpp>

namespace troupe {

std::string_view to_string(exit_kind kind) noexcept {
  switch (kind) {
    case exit_kind::normal: return "normal";
    case exit_kind::killed: return "killed";
    case exit_kind::crashed: return "crashed";
  }
  return "unknown";
}

}  // namespace troupe
