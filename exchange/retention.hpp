#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace troupe {

/// What an exchange keeps of what was published, for those who attach later. Made by the functions of `retain`; two of
/// them joined by `&` keep what both keep.
struct retention {
  static constexpr std::size_t unlimited = SIZE_MAX;

  std::size_t messages = 0;       ///< the newest; 0: nothing is kept
  std::size_t bytes = unlimited;  ///< of these, together; see `subscribe_options::limit_bytes`
  std::chrono::nanoseconds age = std::chrono::nanoseconds::max();  ///< since they were published
  bool per_key = false;                                            ///< of each key only the newest; see `key_of`

  friend constexpr retention operator&(const retention& a, const retention& b) noexcept {
    return {std::min(a.messages, b.messages), std::min(a.bytes, b.bytes), std::min(a.age, b.age),
            a.per_key || b.per_key};
  }
  friend constexpr bool operator==(const retention&, const retention&) = default;

  /// True if anything is kept.
  constexpr explicit operator bool() const noexcept { return messages != 0; }
};

/// For errors: "{the last 100 messages, 1 s}".
std::string to_string(const retention& r);

/// What to keep: `retain::last(100) & retain::for_time(1h)`.
namespace retain {

/// The last n messages.
constexpr retention last(std::size_t n) noexcept { return {.messages = n}; }
/// The last message of each key: what `key_of(message)` gives, else the key that it was published with.
constexpr retention last_value() noexcept { return {.messages = retention::unlimited, .per_key = true}; }
/// What was published within the last `d`. What is older goes with the next publish or attach.
constexpr retention for_time(std::chrono::nanoseconds d) noexcept {
  return {.messages = retention::unlimited, .age = d};
}
/// The newest that have n bytes together.
constexpr retention bytes(std::size_t n) noexcept { return {.messages = retention::unlimited, .bytes = n}; }

}  // namespace retain

/// How an exchange is made; the last argument of its constructor.
struct exchange_options {
  troupe::retention retention{};
  /// The name of the exchange that gets what nobody here gets; it counts as unroutable here all the same. Of the same
  /// messages; a fanout exchange is made if there is none. Set by who names one first. What is kept here goes there
  /// too.
  std::string alternate{};

  friend bool operator==(const exchange_options&, const exchange_options&) = default;
};

/// With what a new subscriber begins at an exchange with `retention`. What was kept comes first, then what is
/// published: without a gap, and nothing twice.
class start_at {
public:
  /// Only what is published from now on.
  static constexpr start_at latest() noexcept { return {from::latest, 0}; }
  /// All that is kept.
  static constexpr start_at earliest() noexcept { return {from::earliest, 0}; }
  /// The message of that number: the first that was published has 0, the next will have `exchange::next_offset`. Where
  /// it is kept no more, with what is, and `lagged` tells how many are missing.
  static constexpr start_at offset(std::uint64_t n) noexcept { return {from::offset, n}; }
  /// What was published within the last `d`.
  static constexpr start_at ago(std::chrono::nanoseconds d) noexcept {
    return {from::time, static_cast<std::uint64_t>(std::max<std::int64_t>(0, d.count()))};
  }

  friend constexpr bool operator==(const start_at&, const start_at&) = default;

  /// Internal.
  enum class from : std::uint8_t { latest, earliest, offset, time };
  constexpr from what() const noexcept { return from_; }
  constexpr std::uint64_t value() const noexcept { return value_; }

private:
  constexpr start_at(from f, std::uint64_t v) noexcept : from_(f), value_(v) {}

  from from_;
  std::uint64_t value_;  // an offset, or nanoseconds
};

}  // namespace troupe
