#include <troupe/base/error.hpp>

#include <cstdint>
#include <new>

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::timeout: return "timeout";
    case errc::closed: return "closed";
    case errc::killed: return "killed";
    case errc::unhandled: return "unhandled";
    case errc::crashed: return "crashed";
    case errc::expired: return "expired";
    case errc::cancelled: return "cancelled";
    case errc::full: return "full";
    case errc::empty: return "empty";
    case errc::deadlock: return "deadlock";
    case errc::would_deadlock: return "would_deadlock";
    case errc::not_found: return "not_found";
    case errc::already_exists: return "already_exists";
    case errc::type_mismatch: return "type_mismatch";
    case errc::invalid_argument: return "invalid_argument";
    case errc::shutdown: return "shutdown";
    case errc::io: return "io";
  }
  return code == static_cast<errc>(UINT8_MAX) ? "no error" : "unknown";
}

std::uintptr_t error::with_text(errc code, std::string message, std::exception_ptr cause) noexcept {
  auto* const told = new (std::nothrow) text{.code = code, .message = std::move(message), .cause = std::move(cause)};
  return told ? reinterpret_cast<std::uintptr_t>(told) : bare(code);
}

void error::release_text() noexcept {
  // Its release pairs with its acquire where another copy is the last.
  if (told().refs.fetch_sub(1, acq_rel) == 1) delete &told();
}

}  // namespace troupe
