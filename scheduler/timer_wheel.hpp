#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <troupe/base/intrusive_list.hpp>

namespace troupe {

/// What stands in a `timer_wheel`; users derive from it or hold it as a member. `deadline_ns` must not change while it
/// is in a wheel, nor may the node be destroyed.
struct timer_node : list_hook<> {
  std::int64_t deadline_ns = 0;  ///< on the clock of the wheel's owner

  /// Whoever waits for everything to come to rest does not wait for it: it comes again and again. Must not change while
  /// it is in a wheel.
  bool in_background = false;

private:
  friend class timer_wheel;
  static constexpr std::uint16_t nowhere = 0xffff;

  std::uint16_t slot_ = nowhere;  // level * 64 + index, or that of `timer_wheel::ready_`
};

using timer_list = intrusive_list<timer_node>;

/// A hierarchical timing wheel (Varghese and Lauck, SOSP 1987): six levels of 64 slots, ticks of one millisecond.
/// Insertion and removal take constant time, and nothing has to run while nothing is due. Deadlines are kept to the
/// nanosecond: ticks only sort nodes into slots.
///
/// Times are nanoseconds of any clock that starts near or above zero: steady or virtual. Not thread safe; its owner
/// locks.
class timer_wheel {
public:
  timer_wheel() = default;

  /// Takes a node that is in no list. A deadline that has passed is due at the next `advance`.
  void insert(timer_node& node) noexcept;

  /// Takes a node out. False if it is not in the wheel: never inserted, removed, or moved out by `advance`.
  bool remove(timer_node& node) noexcept;

  /// When to call `advance` next; none if the wheel is empty. Exact when the earliest deadline is near, else possibly
  /// earlier than it, never later: an `advance` that yields nothing brings the two together.
  std::optional<std::int64_t> next_deadline() const noexcept;

  /// Moves the nodes with a deadline at or before `now_ns`, at most `limit`, to the end of `due`, ordered by deadline,
  /// then by insertion (V6). The others that are due come first at the next call. A time before that of an earlier call
  /// counts as that one.
  void advance(std::int64_t now_ns, timer_list& due, std::size_t limit = SIZE_MAX) noexcept;

  /// Number of nodes in it; of those, how many are not in the background.
  std::size_t size() const noexcept { return size_; }
  std::size_t awaited() const noexcept { return size_ - background_; }
  bool empty() const noexcept { return size_ == 0; }

private:
  static constexpr unsigned bits = 6;
  static constexpr unsigned slots = 1U << bits;
  static constexpr unsigned levels = 6;
  static constexpr std::uint16_t ready_slot = levels * slots;

  struct slot_start {
    std::uint64_t tick;
    unsigned level;
    unsigned index;
  };

  std::optional<slot_start> first_occupied() const noexcept;
  timer_list& slot(unsigned level, unsigned index) noexcept { return slots_[level * slots + index]; }
  std::int64_t place(timer_node& node) noexcept;
  void cascade(const slot_start& from) noexcept;
  void take_due(unsigned index) noexcept;
  void forget(timer_node& node) noexcept;

  std::array<timer_list, slots * levels> slots_;
  timer_list ready_;                              // V5
  std::array<std::uint64_t, levels> occupied_{};  // a bit for each slot that is not empty
  std::uint64_t elapsed_ = 0;                     // tick up to which the wheel has turned
  std::int64_t now_ns_ = INT64_MIN;
  std::size_t size_ = 0;
  std::size_t background_ = 0;                // of `size_`
  mutable std::optional<std::int64_t> next_;  // what `next_deadline` found, while it still holds
};

}  // namespace troupe
