#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <troupe/base/result.hpp>
#include <troupe/exchange/retention.hpp>

namespace troupe {

/// What is done with a message for which a subscription has no room: as many wait as its limit allows. No policy but
/// `block` lets a slow subscriber hold up a publisher or another subscriber (C9).
enum class subscription_policy : std::uint8_t {
  block,        ///< nothing is lost: `publish_wait` waits for room, and an actor that publishes in spite of it is muted
  drop_oldest,  ///< the message that has waited longest makes room
  drop_newest,  ///< the message is lost for this subscriber
  conflate,     ///< of each key only the newest message waits; see `key_of`; beyond the limit the oldest makes room
  disconnect,   ///< the subscriber loses all that waits and is detached
  fail,         ///< this subscriber does not get it, and `try_publish` says so
};

/// The name of a policy, such as "drop_oldest".
std::string_view to_string(subscription_policy p) noexcept;

/// How one subscriber is served, given as the last argument of `attach`. Without them it gets everything, and what
/// waits for it has no limit. With several keys on one exchange a subscriber has one line of waiting messages, and so
/// one set of options: those of its first `attach`.
struct subscribe_options {
  static constexpr std::size_t unlimited = SIZE_MAX;

  subscription_policy policy = subscription_policy::block;  ///< what happens at the limit
  std::size_t limit = unlimited;                            ///< messages that may wait, at least 1
  /// Bytes that they may have together: `sizeof` of the message, and what `bytes_of(m)` adds, a function found by
  /// argument-dependent lookup. A message that is larger than that may wait alone.
  std::size_t limit_bytes = unlimited;
  /// With what it begins, at an exchange that keeps messages: see `retention`.
  start_at start = start_at::latest();
  /// The name of a consumer group; empty: none. The members of a group share its messages: each goes to one of them,
  /// as from a `queue`, and is theirs until they have answered for it. What a member has not done when it ends, crashes
  /// or is detached, the others get. Members of one group give the same options, but each the keys that it likes: what
  /// one asks for all may get. The limit is that of the group, and the policy `block`, which knows none here,
  /// `drop_oldest`, `drop_newest` or `fail`. The group goes with its last subscription or the end of its last member,
  /// and what waits for it goes too.
  std::string group = {};
  /// Of a member of a group: messages of the group that it may have at a time without having handled them, at least 1.
  /// Idle members share what waits; a low number leaves more to them while this one is busy.
  std::size_t group_prefetch = 32;

  friend bool operator==(const subscribe_options&, const subscribe_options&) = default;
};

/// Nothing, or an error (`invalid_argument`) that says what is wrong with these options.
result<void> check(const subscribe_options& o);

/// For errors: "{drop_oldest, 100 messages}".
std::string to_string(const subscribe_options& o);

/// Tells a subscriber that it has missed messages: its policy has dropped them for lack of room. Comes in their place,
/// between the message before the gap and the one behind it, to an actor that has a handler for it. What `conflate`
/// replaces is no gap.
struct lagged {
  std::uint64_t count = 0;  ///< messages
};

/// Tells an actor that has a handler for it that its policy has detached it from an exchange. It may attach again. One
/// that only has a handler for `lagged` is told by that.
struct disconnected {
  std::string exchange;    ///< its name
  std::uint64_t lost = 0;  ///< messages that waited, or were published since
};

namespace detail {

/// The class of a message says itself how many bytes it takes beyond its own, and what `conflate` tells it by.
template <class M>
concept has_bytes_of = requires(const M& m) {
  { bytes_of(m) } -> std::convertible_to<std::size_t>;
};
template <class M>
concept has_conflation_key = requires(const M& m) {
  key_of(m);
};

/// What a message is counted with where a limit is in bytes.
template <class M>
std::size_t bytes_for(const M& m) {
  if constexpr (has_bytes_of<M>)
    return sizeof(M) + std::min<std::size_t>(static_cast<std::size_t>(bytes_of(m)), SIZE_MAX / 4);  // sums fit
  else
    return sizeof(M);
}

/// What `conflate` tells messages apart by: what `key_of(m)` gives, a function found by argument-dependent lookup; else
/// the key that it was published with.
template <class M>
std::string conflation_key(const M& m, std::string_view routing_key) {
  if constexpr (has_conflation_key<M>) {
    decltype(auto) key = key_of(m);
    using K = std::remove_cvref_t<decltype(key)>;
    if constexpr (std::convertible_to<const K&, std::string_view>) {
      return std::string(static_cast<std::string_view>(key));
    } else if constexpr (std::is_enum_v<K>) {
      return std::to_string(static_cast<std::underlying_type_t<K>>(key));
    } else {
      static_assert(std::integral<K>, "troupe: key_of(message) gives a text, an integer or an enumerator");
      return std::to_string(key);
    }
  } else {
    return std::string(routing_key);
  }
}

}  // namespace detail
}  // namespace troupe
