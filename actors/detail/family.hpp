#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <troupe/actors/detail/parking.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/supervision.hpp>

namespace troupe::detail {

/// An actor's children, in the order of their start, and what happens when one of them goes down.
///
/// F1. It has no thread and no actor of its own: whoever reports something to it takes the next step. What a step
///     decides stands in the states of the children, under the mutex; the orders are given after it has been left.
/// F2. A child gets its next order only after it has reported on the one before, but for the order to end, which goes
///     to one child at a time, the last first. So is stopping before all are made anew; making anew goes from the first
///     on.
/// F3. The actor whose children they are ends, or is made anew, only after all of them have ended or are down
///     (`settle`).
class family final : public std::enable_shared_from_this<family> {
public:
  family(cell& owner, supervisor_options options);

  /// Whether the children of an owner that is made anew wait for that, and are made anew too: those of a supervisor.
  /// Others end before.
  void keep_over_restarts() noexcept { keeps_ = true; }
  bool keeps_over_restarts() const noexcept { return keeps_; }
  cell& owner() const noexcept { return *owner_; }

  // --- any thread ---------------------------------------------------------------------------------------------------

  /// One more child; before it begins. Throws `troupe_error` (`closed`) if the owner is about to end.
  void add(cell& c);
  /// False if it is none of the children.
  bool end_child(const any_ref& c) noexcept;
  bool restart_child(const any_ref& c) noexcept;
  std::vector<any_ref> children() const;

  // --- reports, by the slice of the child ---------------------------------------------------------------------------

  /// Whether a child that comes to its end may be made anew.
  bool makes_anew() const noexcept;
  void child_is_down(cell& c, const exit_reason& why) noexcept;
  void child_is_up(cell& c) noexcept;
  void child_is_gone(cell& c) noexcept;

  // --- the owner, in its slice --------------------------------------------------------------------------------------

  enum class mode : std::uint8_t { running, suspending, ending };

  /// Brings all children down, or to their end. True when they are; else the owner is parked, and its slice over.
  bool settle(mode m, bool gently) noexcept;
  /// The owner is there again: so are they to be.
  void resume() noexcept;
  /// The owner has gone without waiting for them.
  void abandon() noexcept;

private:
  enum class state : std::uint8_t { up, stopping, down, resting, starting, ending };

  struct child {
    any_ref who;
    state now = state::up;
    std::uint64_t rest = 0;               // which rest it is in: an old timer does nothing
    std::deque<std::int64_t> restarts{};  // within the window
  };

  struct orders;

  child* find(const cell& c) noexcept;
  bool settled() const noexcept;
  void step(orders& out) noexcept;
  void step_down(orders& out, std::size_t from) noexcept;
  void step_up(orders& out) noexcept;
  void rest(child* c, std::int64_t delay, orders& out) noexcept;
  void rested(std::uint64_t which) noexcept;
  std::int64_t delay_after(std::size_t restarts) noexcept;
  bool within_budget(child& c) noexcept;
  void carry_out(orders& o) noexcept;

  cell* owner_;
  const any_ref keep_;  // of the owner, which drops this when it ends
  scheduler* home_;
  const supervisor_options options_;
  bool keeps_ = false;
  parking owner_waits_;

  mutable std::mutex mutex_;
  std::vector<child> children_;
  mode mode_ = mode::running;
  bool gently_ = true;
  bool abandoned_ = false;
  bool gave_up_ = false;  // more crashes than it bears: its owner has been told to end
  // Of one_for_all and rest_for_one: those from `from_` on are brought down, then rest together, then are made anew.
  enum class round : std::uint8_t { none, stopping, resting, starting } round_ = round::none;
  std::size_t from_ = 0;
  std::int64_t round_delay_ = 0;
  std::uint64_t rests_ = 0;
  std::uint64_t round_rest_ = 0;
  std::deque<std::int64_t> restarts_;  // within the window
  std::uint64_t drawn_ = 0;            // random numbers so far
};

/// What a supervised actor knows of its place. Made before it begins, and then read by anyone; what is not const is its
/// slice's, or atomic.
class membership {
public:
  membership(cell& c, std::shared_ptr<family> f, child_options o, std::function<void(void*)> make)
      : parent(std::move(f)), options(std::move(o)), remake(std::move(make)), waits(c, "its supervisor") {}

  const std::shared_ptr<family> parent;
  const child_options options;
  const std::function<void(void*)> remake;  ///< a new object in this memory

  parking waits;
  atomic<bool> go{false};        ///< it is to be made anew now: set by the family, cleared by the slice
  atomic<bool> recycled{false};  ///< it was told to come down to be made anew: likewise
  atomic<unsigned> tellers{0};   ///< those that are in `end_with`
  envelope* retry = nullptr;     ///< the message to be handled again; it keeps its place in the inbox (M3)
  unsigned tries = 0;            ///< of that message, so far
};

}  // namespace troupe::detail
