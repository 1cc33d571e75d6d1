#pragma once

#include <cstddef>
#include <cstdint>

#include <troupe/base/error.hpp>

namespace troupe {

/// What the future of `publish_confirmed` waits for.
enum class confirm : std::uint8_t {
  accepted,      ///< the message is in the queue, and its queue answers for it
  acknowledged,  ///< a consumer has acknowledged it
};

namespace detail {

/// Learns what became of messages that a queue has accepted.
class confirmation {
public:
  /// `n` of them have been answered for: acknowledged if `why` is null, else given up. Called outside of all locks, by
  /// any thread; may be the end of this.
  virtual void settled(std::size_t n, const error* why) noexcept = 0;

protected:
  ~confirmation() = default;
};

}  // namespace detail
}  // namespace troupe
