#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace troupe {

class router;

/// Whether one binds to exchanges of a kind with a key.
enum class binding_keys : std::uint8_t {
  none,      ///< a key is refused
  optional,  ///< with one or without
  required,  ///< always
};

/// A kind of exchange: how a message finds its subscribers. The kinds that are there are named as RabbitMQ names them;
/// one of one's own is a name and a function that makes a `router`, see exchange/router.hpp. Kinds of the same name are
/// equal.
class exchange_kind {
public:
  /// Makes what routes for one exchange.
  using router_maker = std::unique_ptr<router> (*)();

  /// A kind of one's own. `name` lives as long as any exchange of this kind: a literal. With `by_headers` the router
  /// gets what `headers_of(message)` says. One that gives a message to one subscriber of several is `competing`:
  /// exchanges cannot be attached to it.
  constexpr exchange_kind(std::string_view name, router_maker make, binding_keys keys = binding_keys::none,
                          bool by_headers = false, bool competing = false) noexcept
      : exchange_kind(0, name, make, keys, by_headers, competing) {}

  constexpr std::string_view name() const noexcept { return name_; }
  constexpr binding_keys keys() const noexcept { return keys_; }
  constexpr bool by_headers() const noexcept { return by_headers_; }
  constexpr bool competing() const noexcept { return competing_; }

  /// The router of a new exchange; null for fanout and queue. Throws `std::bad_alloc`, and `troupe_error`
  /// (`invalid_argument`) for a kind of one's own that makes none.
  std::unique_ptr<router> make_router() const;

  friend constexpr bool operator==(const exchange_kind& a, const exchange_kind& b) noexcept {
    return a.number_ != 0 && b.number_ != 0 ? a.number_ == b.number_ : a.name_ == b.name_;
  }

  static const exchange_kind fanout;           ///< every subscriber gets every message
  static const exchange_kind direct;           ///< those whose key equals the message's
  static const exchange_kind topic;            ///< those whose pattern matches the message's key
  static const exchange_kind headers;          ///< those who match the message's headers
  static const exchange_kind consistent_hash;  ///< one, by the message's key: always the same while it is there
  static const exchange_kind work_queue;       ///< one that is alive, in turn (competing consumers)
  static const exchange_kind queue;            ///< one, which answers for it: see exchange/queue.hpp

private:
  constexpr exchange_kind(std::uint8_t number, std::string_view name, router_maker make, binding_keys keys,
                          bool by_headers, bool competing) noexcept
      : name_(name), make_(make), number_(number), keys_(keys), by_headers_(by_headers), competing_(competing) {}

  std::string_view name_;
  router_maker make_;    // null where messages go another way
  std::uint8_t number_;  // of those above, so that they are told apart by one comparison
  binding_keys keys_;
  bool by_headers_;
  bool competing_;
};

/// The routers of the kinds above, by their names.
std::unique_ptr<router> make_direct_router();
std::unique_ptr<router> make_topic_router();
std::unique_ptr<router> make_headers_router();
std::unique_ptr<router> make_consistent_hash_router();
std::unique_ptr<router> make_work_queue_router();

inline constexpr exchange_kind exchange_kind::fanout{1, "fanout", nullptr, binding_keys::none, false, false};
inline constexpr exchange_kind exchange_kind::direct{2,     "direct", &make_direct_router, binding_keys::required,
                                                     false, false};
inline constexpr exchange_kind exchange_kind::topic{3,     "topic", &make_topic_router, binding_keys::required,
                                                    false, false};
inline constexpr exchange_kind exchange_kind::headers{4,    "headers", &make_headers_router, binding_keys::required,
                                                      true, false};
inline constexpr exchange_kind exchange_kind::consistent_hash{
    5, "consistent_hash", &make_consistent_hash_router, binding_keys::optional, false, true};
inline constexpr exchange_kind exchange_kind::work_queue{
    6, "work_queue", &make_work_queue_router, binding_keys::none, false, true};
inline constexpr exchange_kind exchange_kind::queue{7, "queue", nullptr, binding_keys::none, false, true};

/// The name of a kind, such as "topic".
constexpr std::string_view to_string(const exchange_kind& kind) noexcept { return kind.name(); }

/// Every subscriber gets every message. What one writes: `exchange<order>(rt, "orders", fanout{})`.
struct fanout {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::fanout; }
};
/// A subscriber gets the messages whose key equals the one that it is bound with.
struct direct {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::direct; }
};
/// As direct, but with patterns: `*` stands for one word, `#` for any number; words are separated by '.'.
struct topic {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::topic; }
};
/// A subscriber gets the messages whose headers match: `attach(who, match_all{{"region", "eu"}})`. They are given to
/// `publish`, or found by `headers_of(message)` as `priority_of` is.
struct headers {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::headers; }
};
/// Messages with the same key go to the same subscriber; when one comes or leaves, only its share moves. The key is
/// given to `publish`, or found by `key_of(message)`. A subscriber is bound with its weight ("3"; 1 if there is none).
struct consistent_hash {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::consistent_hash; }
};
/// Each message goes to one subscriber that is alive, in turn (competing consumers).
struct work_queue {
  constexpr operator exchange_kind() const noexcept { return exchange_kind::work_queue; }
};

}  // namespace troupe
