#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <troupe/actors/mailbox.hpp>
#include <troupe/exchange/kinds.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// The kind `exchange_kind::queue`: each message goes to one of those attached, and is theirs until they have answered
/// for it. Written `exchange<job>(rt, "jobs", queue{.max_deliveries = 5, .ack_timeout = 30s})`.
///
/// Messages wait in the queue, the most urgent first (`priority_of`), those of one priority as they came, until an
/// actor that is attached has credit; without any they wait. On several workers messages of different publishers may
/// overtake each other while they wait, also where one has heard of what the other has published, unless the queue has
/// a limit or a time to live, or its messages have priorities. One publisher is an actor, from its constructor on, or a
/// green thread, with what they fork and their blocking calls; or an OS thread.
///
/// A handler `on(const job&)` answers by itself: the message is acknowledged when the handler, or the coroutine that it
/// is, is done, and goes back to the front of the queue when it throws. One that takes a `delivery<job>` answers by
/// hand. What an actor has not answered for when it ends, crashes or is detached goes back to the front of the queue at
/// once. Order (C1) holds for what is not redelivered, for each priority, and as far as one actor takes it; what waits
/// is nobody's yet, and may be handled behind what its publisher then sends to a consumer directly.
///
/// An actor that is busy with a message for more than 10 us takes its part of those that wait at a time, so that idle
/// ones share them.
struct queue {
  static constexpr std::size_t unbounded = SIZE_MAX;

  /// How often a message may be begun with, at most: if it comes back from the last of these, it is a dead letter. 0:
  /// any number.
  std::uint32_t max_deliveries = 0;
  /// By when a consumer has answered for a message that it was given, handled or not: else it is taken back to the
  /// front of the queue, and a later answer is an error. Costs two compare-exchanges a message.
  std::chrono::nanoseconds ack_timeout = forever;
  /// How long a message may wait, from its publishing: then it is a dead letter. Costs a reading of the clock a
  /// message.
  std::chrono::nanoseconds message_ttl = forever;
  /// The exchange that gets the dead letters: one of `dead_lettered<job>`, or of `job` itself; those with keys route by
  /// the name of the queue. What nobody takes there, and all if this is empty, is lost and counted as `dead_letter`,
  /// `expired` or `overflow`. So is what comes back to a queue where it was a dead letter when no consumer has had it
  /// since, and what has been a dead letter 32 times.
  std::string dead_letters = {};
  /// Messages that may wait, at least 1. What is with consumers does not count.
  std::size_t limit = unbounded;
  /// What becomes of a message for which there is no room: `fail` refuses it, and the others make it, or the oldest of
  /// the least urgent, a dead letter. A queue cannot `block`: see `publish_window`.
  overflow when_full = overflow::fail;

  operator exchange_kind() const noexcept { return exchange_kind::queue; }
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

/// Why a message of a queue is a dead letter.
enum class dead_reason : std::uint8_t {
  rejected,        ///< a consumer did not want it: `nack(requeue::no)`
  max_deliveries,  ///< it came back from the last delivery that it had
  expired,         ///< it has waited for longer than `queue::message_ttl`
  limit,           ///< there was no room for it in the queue, or it made room there
};

/// The name of a reason, such as "max_deliveries".
std::string_view to_string(dead_reason why) noexcept;

/// What the exchange `queue::dead_letters` gets.
template <class M>
struct dead_lettered {
  M message;
  dead_reason reason = dead_reason::rejected;
  std::uint32_t deliveries = 0;  ///< how often somebody had begun with it
  std::string queue = {};        ///< where it was
};

/// How the messages of a queue fare. A moment's truth.
struct queue_counts {
  std::size_t waiting = 0;            ///< for a consumer
  std::size_t unacknowledged = 0;     ///< with consumers
  std::uint64_t redelivered = 0;      ///< times that one went back after it had been begun with
  std::uint64_t dead_letters = 0;     ///< messages that have become one
  std::uint64_t expired_answers = 0;  ///< that came after the message had been taken back
};

}  // namespace troupe
