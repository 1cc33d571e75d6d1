#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// The kinds of exchange, named as RabbitMQ names them: how a message finds its subscribers.
enum class exchange_kind : std::uint8_t {
  fanout,  ///< every subscriber gets every message
  direct,  ///< a subscriber gets the messages whose key equals the one that it is bound with
  topic,   ///< as direct, but with patterns: `*` stands for one word, `#` for any number; words are separated by '.'
  work_queue,  ///< each message goes to one subscriber, in turn (competing consumers)
};

/// The name of a kind, such as "topic".
std::string_view to_string(exchange_kind kind) noexcept;

/// What one writes: `exchange<order>(rt, "orders", topic{})`.
struct fanout {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::fanout; }
};
struct direct {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::direct; }
};
struct topic {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::topic; }
};
struct work_queue {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::work_queue; }
};

}  // namespace troupe
