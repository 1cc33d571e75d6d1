#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <troupe/exchange/kinds.hpp>

namespace troupe {

/// The kind `exchange_kind::queue`: each message goes to one of those attached, and is theirs until they have answered
/// for it. Written `exchange<job>(rt, "jobs", queue{.max_deliveries = 5})`.
///
/// Messages wait in the queue, the most urgent first (`priority_of`), those of one priority as they came, until an
/// actor that is attached has credit; without any they wait. A handler `on(const job&)` answers by itself: the message
/// is acknowledged when the handler, or the coroutine that it is, is done, and goes back to the front of the queue when
/// it throws. One that takes a `delivery<job>` answers by hand. What an actor has not answered for when it ends,
/// crashes or is detached goes back to the front of the queue at once. Order (C1) holds for what is not redelivered,
/// for each priority, and as far as one actor takes it.
struct queue {
  /// How often a message may be begun with, at most: if it comes back from the last of these, it is a dead letter. 0:
  /// any number.
  std::uint32_t max_deliveries = 0;

  constexpr operator exchange_kind() const noexcept { return exchange_kind::queue; }
  friend bool operator==(const queue&, const queue&) = default;
};

/// How an actor is attached to a queue.
struct consume_options {
  /// Credit: messages that it may have at a time without having answered for them, at least 1. What it has not begun
  /// with goes back to the queue when it ends.
  std::size_t prefetch = 32;
};

/// Whether a message that was not acknowledged goes back to the front of its queue, or is a dead letter.
enum class requeue : bool { no, yes };

}  // namespace troupe
