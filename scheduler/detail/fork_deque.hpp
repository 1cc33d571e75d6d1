#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <troupe/base/atomic.hpp>

namespace troupe {
class worker;
}

namespace troupe::detail {

struct fork_child;

/// What a worker has forked and not begun: the owner pushes and pops at the bottom, newest first; thieves take the
/// oldest from the top. After Chase and Lev, "Dynamic Circular Work-Stealing Deque" (SPAA 2005), in the form of Le,
/// Pop, Cohen and Zappa Nardelli (PPoPP 2013); split into a public and a private part as in van Dijk and van de Pol,
/// "Lace" (2014), so that the owner pays for a locked instruction only where a thief may be.
///
/// D1. Indices grow and never wrap; a slot is `index % capacity`. `top <= split <= bottom`; thieves take [top, split),
///     [split, bottom) is the owner's alone.
/// D2. Only the owner moves `split` and `bottom`, anybody moves `top`, by compare-exchange and upwards only.
/// D3. While anything is private, something was public when the owner last pushed or popped: a deque whose owner is
///     busy with other things than forking looks empty only after all that was public has been stolen.
/// D4. To take the last public one back, the owner lowers `split` and then reads `top`; a thief reads `top` and then
///     `split` (all seq_cst): one of the two sees the other, and both at the same one decide by the compare-exchange.
class fork_deque {
public:
  static constexpr std::int64_t capacity = 256;

  /// `owner` is the worker whose sleeping colleagues hear of what is made public; none in a test.
  explicit fork_deque(worker* owner = nullptr) noexcept : owner_(owner) {}

  /// Owner only. False when there is no room.
  bool push(fork_child& c) noexcept {
    // The acquire pairs with the thief's exchange of `top`: it has read the slot.
    const std::int64_t top = top_.load(acquire);
    if (bottom_ - top >= capacity) return false;
    slot(bottom_).store(&c, relaxed);
    ++bottom_;
    if (public_end_ - top < few) publish(top + enough);
    return true;
  }

  /// Owner only. The newest, or null: then all have been stolen.
  fork_child* pop() noexcept {
    if (bottom_ == public_end_) return take_back();
    fork_child* c = slot(--bottom_).load(relaxed);
    const std::int64_t top = top_.load(relaxed);
    if (public_end_ - top < few && bottom_ != public_end_) publish(top + enough);
    return c;
  }

  /// Any thread. The oldest public one; null if there is none or somebody else was quicker.
  fork_child* steal() noexcept {
    std::int64_t top = top_.load(seq_cst);
    if (top >= split_.load(seq_cst)) return nullptr;  // D4; its acquire pairs with the release of `publish`
    fork_child* c = slot(top).load(relaxed);
    return top_.compare_exchange_strong(top, top + 1, seq_cst, relaxed) ? c : nullptr;
  }

  /// Owner only. Makes public all that there is.
  void publish_all() noexcept {
    if (bottom_ != public_end_) publish(bottom_);
  }

  /// Owner only. How many more there is room for.
  std::int64_t room() const noexcept { return capacity - (bottom_ - top_.load(acquire)); }

  /// Owner only. True if a thief would find nothing.
  bool is_bare() const noexcept { return top_.load(relaxed) == public_end_; }

  /// Any thread; a moment's truth. Reads `top` before `split` as a thief does.
  bool has_public() const noexcept {
    const std::int64_t top = top_.load(seq_cst);
    return top < split_.load(seq_cst);
  }

private:
  static constexpr std::int64_t few = 2;     // below that something becomes public
  static constexpr std::int64_t enough = 4;  // and up to that

  void publish(std::int64_t end) noexcept;
  fork_child* take_back() noexcept;
  atomic<fork_child*>& slot(std::int64_t index) noexcept { return slots_[static_cast<std::size_t>(index) % capacity]; }

  worker* owner_;
  alignas(cache_line) std::int64_t bottom_ = 0;
  std::int64_t public_end_ = 0;                        // the owner's copy of `split_`
  alignas(cache_line) atomic<std::int64_t> split_{0};  // written by the owner
  alignas(cache_line) atomic<std::int64_t> top_{0};    // D2
  std::array<atomic<fork_child*>, capacity> slots_{};
};

}  // namespace troupe::detail
