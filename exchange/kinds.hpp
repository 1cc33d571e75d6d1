#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// The kinds of exchange, named as RabbitMQ names them: how a message finds its subscribers.
enum class exchange_kind : std::uint8_t {
  fanout,  ///< every subscriber gets every message
  direct,  ///< a subscriber gets the messages whose key equals the one that it is bound with
  topic,   ///< as direct, but with patterns: `*` stands for one word, `#` for any number; words are separated by '.'
  work_queue,  ///< each message goes to one subscriber that is alive, in turn (competing consumers)
  queue,       ///< each message goes to one subscriber, which answers for it: see `queue`
};

/// The name of a kind, such as "topic".
std::string_view to_string(exchange_kind kind) noexcept;

/// The kind `exchange_kind::fanout`. What one writes: `exchange<order>(rt, "orders", fanout{})`.
struct fanout {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::fanout; }
};
/// The kind `exchange_kind::direct`.
struct direct {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::direct; }
};
/// The kind `exchange_kind::topic`.
struct topic {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::topic; }
};
/// The kind `exchange_kind::work_queue`.
struct work_queue {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::work_queue; }
};

}  // namespace troupe
