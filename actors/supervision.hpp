#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <troupe/actors/mailbox.hpp>

namespace troupe {

/// Whom a supervisor makes anew when one of its children has crashed.
enum class restart_strategy : std::uint8_t {
  one_for_one,   ///< that child
  one_for_all,   ///< all of them
  rest_for_one,  ///< that child and those that were started after it
};

/// After which ends a child is made anew. One that somebody closes or kills stays ended.
enum class restart_type : std::uint8_t {
  permanent,  ///< a crash, an `exit`, a link, and the return of `run`
  transient,  ///< the same but for the return of `run`: that was its work
  temporary,  ///< none
};

/// How long a supervisor waits before it makes a child anew: `first`, and each time in a row twice as long, at most
/// `longest`; more or less by a random part of up to `jitter`. Messages for the child queue meanwhile.
struct restart_backoff {
  std::chrono::nanoseconds first{10'000'000};  ///< 0: none
  std::chrono::nanoseconds longest{1'000'000'000};
  double jitter = 0.2;  ///< from 0 to 1
};

/// How a supervisor is made. What is not set has a good default.
struct supervisor_options {
  restart_strategy strategy = restart_strategy::one_for_one;
  /// It makes anew that often within the window; the crash after that is its own.
  unsigned max_restarts = 3;
  std::chrono::nanoseconds window{5'000'000'000};
  restart_backoff backoff{};
  std::string name{};  ///< for reports and `find`
};

/// How a supervisor treats one child.
struct child_options {
  restart_type restart = restart_type::permanent;
  std::string name{};  ///< for reports and `find`; it keeps it when it is made anew
  /// A message at which the child crashes is handled again by the object made anew, and given up with `loss::poison` at
  /// this number of crashes; 1: at the first, counted as failed. Only a message that its handler takes by `const M&`,
  /// and that came by `send` or `ask`.
  unsigned poison_after = 1;
  std::optional<mailbox_options> mailbox = std::nullopt;  ///< in place of that of its class
  /// It runs alone on a thread of its own, which it keeps when it is made anew: see `own_thread`.
  bool own_thread = false;
};

}  // namespace troupe
