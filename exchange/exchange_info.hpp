#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/actors/ref.hpp>
#include <troupe/exchange/counts.hpp>
#include <troupe/exchange/kinds.hpp>
#include <troupe/exchange/retention.hpp>
#include <troupe/exchange/subscribe_options.hpp>

namespace troupe {

class runtime;

/// One binding of a subscriber to an exchange, at the moment of looking.
struct subscription_info {
  any_ref who;             ///< the actor, or the one that stands in for what is none
  std::string subscriber;  ///< its name
  std::string key;         ///< empty for kinds without keys
  bool input = false;      ///< it is closed when all of its inputs have ended
  /// Those that it has given. Lost messages and lag are those of all of its keys here together then.
  std::optional<subscribe_options> options{};
  subscription_counts counts{};
};

/// A binding of an exchange to another.
struct exchange_binding_info {
  std::string target;
  std::string key;
  std::uint64_t passed_on = 0;  ///< messages
};

/// One exchange, and what it does, at the moment of looking.
struct exchange_info {
  std::string name;
  exchange_kind kind = exchange_kind::fanout;
  std::string message;  ///< the type of its messages
  exchange_counts counts{};
  troupe::retention retention{};
  std::size_t kept = 0;        ///< messages kept for those who come later
  std::size_t kept_bytes = 0;  ///< of these
  std::vector<exchange_binding_info> bindings{};
  std::string alternate{};                         ///< gets what nobody here gets; empty: nobody does
  std::vector<subscription_info> subscriptions{};  ///< in the order in which their actors were made, then by key

  /// The one that is furthest behind; null if nobody is, or nobody knows.
  const subscription_info* slowest() const noexcept;
};

/// All exchanges of a runtime, by name. Any thread.
std::vector<exchange_info> exchanges(runtime& rt);

/// A table for people: a line for each exchange. Rates are those since `before`, an earlier look, in which an exchange
/// may be missing; sums are those of the run.
std::string to_table(const std::vector<exchange_info>& now, const std::vector<exchange_info>& before,
                     std::chrono::nanoseconds since);
/// The same without rates.
inline std::string to_table(const std::vector<exchange_info>& now) {
  return to_table(now, now, std::chrono::seconds(1));
}

/// The same on one line as a JSON array without a newline, for programs.
std::string to_json(const std::vector<exchange_info>& now, const std::vector<exchange_info>& before,
                    std::chrono::nanoseconds since);

}  // namespace troupe
