#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <troupe/actors/core.hpp>

namespace troupe {

/// How the messages of one exchange have fared since it was made. Exact when nothing is published and nothing runs; a
/// moment's truth otherwise, when one figure may be a little ahead of another. At any rest
///
///     routed == delivered + failed + dropped() + waiting()
///
/// as for the messages of a runtime (C3).
struct exchange_counts {
  std::uint64_t published = 0;   ///< messages that it took
  std::uint64_t unroutable = 0;  ///< of these, those that reached nobody: no key fitted, or nobody was attached
  std::uint64_t passed_on = 0;   ///< times that one went on to another exchange, which counts it as published
  /// Deliveries asked for: a message to n subscribers counts n, and one of a queue that comes back counts again.
  std::uint64_t routed = 0;
  /// Deliveries that came to a handler, which has not failed. One that has yet to end counts already, and so does one
  /// that its actor has put off.
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;                      ///< deliveries whose handler threw
  std::array<std::uint64_t, loss_kinds> lost{};  ///< deliveries that came to nothing, by `loss`
  std::uint64_t refused = 0;       ///< not routed, for lack of room: policy `fail`, a full queue, a full mailbox
  std::uint64_t redelivered = 0;   ///< of a queue: times that a message went back after it had been begun with
  std::uint64_t dead_letters = 0;  ///< of a queue: messages that have become one

  // What there is now.
  std::size_t publishers = 0;   ///< that it waits for before it ends: `exchange::publisher`
  std::size_t subscribers = 0;  ///< each counted once
  /// What the messages take that wait where that is known: in its log, in a queue, for subscribers with options. As
  /// `subscribe_options::limit_bytes` counts, but without what `bytes_of` adds in the first two.
  std::uint64_t waiting_bytes = 0;
  std::uint64_t unacknowledged = 0;  ///< of a queue: with consumers

  std::uint64_t lost_for(loss why) const noexcept { return lost[static_cast<std::size_t>(why)]; }
  /// Deliveries that came to nothing, for all reasons.
  std::uint64_t dropped() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t n : lost) all += n;
    return all;
  }
  /// Deliveries that are on their way: in its log or its queue, or in the mailboxes and lines of subscribers.
  std::uint64_t waiting() const noexcept {
    const std::uint64_t over = delivered + failed + dropped();
    return routed < over ? 0 : routed - over;
  }

  /// What has come since `before`, an earlier look at the same exchange. What is of a moment stays that of this look.
  exchange_counts since(const exchange_counts& before) const noexcept;
};

/// How one subscription fares: the same, of its messages alone.
struct subscription_counts {
  std::uint64_t delivered = 0;     ///< messages that came to the handler, also if that threw
  std::uint64_t lagged = 0;        ///< lost by its policy, for lack of room
  std::uint64_t conflated = 0;     ///< replaced by newer ones of the same key
  std::uint64_t disconnected = 0;  ///< lost when its policy detached it
  std::uint64_t refused = 0;       ///< for which there was no room, and the publisher was told so
  /// Messages that it has yet to handle; of a queue those that it has not answered for. Unknown without
  /// `subscribe_options` but on fanout and queue exchanges: there they are among others in the actor's mailbox, see
  /// `actor_info::queued`.
  std::optional<std::uint64_t> lag{};
  std::uint64_t bytes = 0;  ///< of these, as `exchange_counts::waiting_bytes`
};

}  // namespace troupe
