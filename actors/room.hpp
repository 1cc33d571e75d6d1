#pragma once

#include <string>

#include <troupe/base/spin_lock.hpp>

namespace troupe {

class cell;

namespace detail {

class wait_node;

/// What can be full, and whose reader makes room in it: a mailbox with a limit, the backlog of a subscription. An actor
/// that has gone beyond the limit waits here; see `mute`.
class room {
public:
  /// The lock of the line of those who wait.
  virtual spin_lock& guard() noexcept = 0;
  /// Under that lock: puts the node into the line until half of the room is free. False if it is.
  virtual bool mute(wait_node& n) noexcept = 0;
  /// The actor that makes room.
  virtual cell& reader() const noexcept = 0;
  /// For reports, "room in the mailbox of x".
  virtual std::string describe_room() const = 0;
  /// It must not go while somebody waits.
  virtual void keep_room() noexcept = 0;
  virtual void let_room_go() noexcept = 0;

protected:
  ~room() = default;
};

}  // namespace detail
}  // namespace troupe
