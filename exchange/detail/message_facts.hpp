#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <troupe/exchange/kinds.hpp>
#include <troupe/exchange/router.hpp>

namespace troupe::detail {

/// The class of a message has a key of its own: a text or a whole number.
template <class M>
concept has_key_of = requires(const M& m) {
  requires std::convertible_to<decltype(key_of(m)), std::string_view> ||
      std::integral<std::remove_cvref_t<decltype(key_of(m))>>;
};

/// Its class has headers of its own.
template <class M>
concept has_headers_of = requires(const M& m) {
  { headers_of(m) } -> std::convertible_to<message_headers>;
};

/// What a router of that kind gets to know of a message: what the publisher has given, or else what is found in the
/// message by argument-dependent lookup.
template <class M>
class message_facts {
public:
  message_facts(const exchange_kind& kind, const routing_facts& given, const M& m) : facts_(given) {
    if constexpr (has_key_of<M>) {
      if (given.key.empty() && kind.keys() != binding_keys::none && !kind.by_headers()) {
        if constexpr (std::integral<std::remove_cvref_t<decltype(key_of(m))>>)
          key_ = std::to_string(key_of(m));
        else
          key_ = std::string_view(key_of(m));
        facts_.key = key_;
      }
    }
    if constexpr (has_headers_of<M>) {
      if (!given.headers && kind.by_headers()) facts_.headers = &headers_.emplace(headers_of(m));
    }
  }
  message_facts(const message_facts&) = delete;
  message_facts& operator=(const message_facts&) = delete;

  const routing_facts& operator*() const noexcept { return facts_; }

private:
  struct nothing {};
  routing_facts facts_;
  [[no_unique_address]] std::conditional_t<has_key_of<M>, std::string, nothing> key_;
  [[no_unique_address]] std::conditional_t<has_headers_of<M>, std::optional<message_headers>, nothing> headers_;
};

}  // namespace troupe::detail
