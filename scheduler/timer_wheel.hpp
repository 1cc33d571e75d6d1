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

  std::uint16_t slot_ = nowhere;  // (bank * 6 + level) * 64 + index, or that of `timer_wheel::ready_`
};

using timer_list = intrusive_list<timer_node>;

/// A hierarchical timing wheel (Varghese and Lauck, SOSP 1987): six levels of 64 slots, ticks of one millisecond.
/// Insertion and removal take constant time, and nothing has to run while nothing is due. Deadlines are kept to the
/// nanosecond: ticks only sort nodes into slots.
///
/// A slot with many nodes is emptied in steps before its time comes, so that a million timers of the same hour do not
/// hold up those that are due when the wheel gets there (V7).
///
/// Times are nanoseconds of any clock that starts near or above zero: steady or virtual. Not thread safe; its owner
/// locks.
class timer_wheel {
public:
  timer_wheel() = default;

  /// The most nodes that one `advance` moves ahead of their time, and how many make a slot a large one.
  static constexpr std::uint32_t step = 1024;

  /// Takes a node that is in no list. A deadline that has passed is due at the next `advance`. Returns when to call
  /// that: at the deadline, or earlier if the node is one of many.
  std::int64_t insert(timer_node& node) noexcept;

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

  /// Whether some node that is not in the background has a deadline at or before `until_ns`. Looks at the nodes of all
  /// slots that begin before that, until it finds one: up to microseconds for each hundred of them.
  bool awaits_by(std::int64_t until_ns) const noexcept;

private:
  static constexpr unsigned bits = 6;
  static constexpr unsigned slots = 1U << bits;
  static constexpr unsigned levels = 6;
  static constexpr unsigned bank_size = levels * slots;
  static constexpr std::uint16_t ready_slot = 2 * bank_size;

  struct slot {
    timer_list nodes;
    std::uint32_t count = 0;
  };

  struct slot_start {
    std::uint64_t tick;
    unsigned level;
    unsigned index;
  };

  std::optional<slot_start> first_at(unsigned level) const noexcept;
  std::optional<slot_start> first_occupied() const noexcept;
  unsigned number_of(unsigned level, unsigned index, bool spare) const noexcept {
    return ((bank_[level] ^ static_cast<unsigned>(spare)) * levels + level) * slots + index;
  }
  slot& at(const slot_start& s) noexcept { return slots_[number_of(s.level, s.index, false)]; }
  const slot& at(const slot_start& s) const noexcept { return slots_[number_of(s.level, s.index, false)]; }
  std::uint64_t& occupied(unsigned number) noexcept { return occupied_[number / slots]; }
  bool is_turned(const slot_start& s) const noexcept {
    return turned_ && turned_->tick == s.tick && turned_->level == s.level;
  }
  std::int64_t attention(const slot_start& s) const noexcept;
  slot_start place(timer_node& node, std::uint64_t origin, bool spare) noexcept;
  void enter(const slot_start& s) noexcept;
  void turn_ahead() noexcept;
  void take_due(unsigned index) noexcept;
  void forget(timer_node& node) noexcept;

  std::array<slot, 2 * bank_size> slots_;             // two banks of each level
  std::array<std::uint64_t, 2 * levels> occupied_{};  // a bit for each slot of a bank that is not empty (V3)
  std::array<std::uint8_t, levels> bank_{};           // which of the two is a level's; the other is spare (V7)
  timer_list ready_;                                  // V5
  std::optional<slot_start> turned_;                  // V7
  std::uint64_t elapsed_ = 0;                         // tick up to which the wheel has turned
  std::int64_t now_ns_ = INT64_MIN;
  std::size_t size_ = 0;
  std::size_t background_ = 0;                // of `size_`
  mutable std::optional<std::int64_t> next_;  // what `next_deadline` found, while it still holds
};

}  // namespace troupe
