#include <troupe/base/error.hpp>

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::timeout: return "timeout";
    case errc::closed: return "closed";
    case errc::killed: return "killed";
    case errc::crashed: return "crashed";
    case errc::cancelled: return "cancelled";
    case errc::full: return "full";
    case errc::deadlock: return "deadlock";
    case errc::would_deadlock: return "would_deadlock";
    case errc::not_found: return "not_found";
    case errc::already_exists: return "already_exists";
    case errc::type_mismatch: return "type_mismatch";
    case errc::invalid_argument: return "invalid_argument";
    case errc::shutdown: return "shutdown";
    case errc::io: return "io";
  }
  return "unknown";
}

}  // namespace troupe
