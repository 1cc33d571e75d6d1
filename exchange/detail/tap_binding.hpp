#pragma once

#include <string_view>

#include <troupe/exchange/detail/backlog.hpp>

namespace troupe::detail {

/// A tap of an exchange of M, as publishers see it.
template <class M>
struct tap_binding : binding {
  using binding::binding;
  /// Copies what it needs, which may call users' code, and says so where that fails.
  virtual void take(const M& message, std::string_view routing_key, publish_aftermath& after) noexcept = 0;
};

}  // namespace troupe::detail
