#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/detail/fork_deque.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

struct local_binding;
class fork_record;
class fork_strand;

/// One child of a fork, in its parent's frame.
struct fork_child {
  std::coroutine_handle<> frame;  // null once it has gone (B6)
  fork_record* record;
  void* outcome;     // B6: the `task_outcome` of its type
  fork_child* next;  // B3: the next newer of those that a strand carries along

  /// A child's coroutine has this in the place of a continuation: the low bit tells the two apart.
  static constexpr std::uintptr_t mark = 1;
  std::uintptr_t as_continuation() const noexcept { return reinterpret_cast<std::uintptr_t>(this) | mark; }

  /// The child that a continuation stands for; null if it is that of another task.
  static fork_child* marked_by(std::uintptr_t continuation) noexcept {
    return (continuation & mark) != 0 ? reinterpret_cast<fork_child*>(continuation - mark) : nullptr;
  }
};

/// One fork and its join, in the frame of the coroutine that waits for it.
///
/// B1. A child runs either on its parent's strand, one after the other, or on a strand of its own, which is made for it
///     when it is stolen or left behind. Which of the two is seen by comparing the strand that runs with `self_`.
/// B2. While a strand runs, the worker's deque holds what this strand has forked and nobody has begun, the outermost
///     fork first; all that is newer than the fork whose child ends has ended. Between slices the deque is empty.
/// B3. A strand that is told to let others run takes its children out of the deque and carries them to its next slice.
///     A strand that waits leaves them behind, as strands: a child that waits holds up no other.
/// B4. The parent goes on, and its frame may go, only when all children have ended. `pending_` decides who sees that:
///     each strand of a child lowers it at its end, and the parent, once, raises it by the number of those strands.
///     Whoever brings it to zero after that goes on with the parent. The strand of a child touches nothing of the fork
///     later.
/// B5. A kill reaches the parent between slices: it calls off the waits of its children's strands, which look at their
///     parent's fate before each slice, and ends once all have ended, fork by fork from the innermost.
/// B6. What a child gives, or throws, it puts into its parent's frame, so that its own frame goes at its end. But for
///     the last on the parent's strand, when others have been stolen: the parent may go on elsewhere at that moment,
///     and takes that frame with it, as those that a kill has kept from their ends.
class fork_record : public wait_point {
public:
  explicit fork_record(std::size_t size) noexcept : size_(size) {}
  fork_record(const fork_record&) = delete;
  fork_record& operator=(const fork_record&) = delete;

  /// Called in `await_suspend` of the parent.
  void start(std::coroutine_handle<> parent, fork_child* children) noexcept {
    trampoline& t = begin(parent, children);
    if (!t.forks) [[unlikely]]
      return start_as_strands(t);
    go_on_with_next(t);
  }

  /// The same for two, as most forks are.
  void start_two(std::coroutine_handle<> parent, fork_child* children) noexcept {
    trampoline& t = begin(parent, children);
    if (!t.forks) [[unlikely]]
      return start_as_strands(t);
    t.next = children[0].frame;
    const bool fits = t.forks->push(children[1]);
    begun_ = fits ? 2 : 1;
    offered_ = fits ? 1 : 0;
  }

  /// Called where a child is about to end, on whatever strand it runs: true if its frame goes now (B6).
  static bool child_ended(fork_child& c, trampoline& t) noexcept {
    fork_record& r = *c.record;
    // That of a child elsewhere does the rest itself.
    if (t.self == r.self_ && !r.go_on(t)) [[unlikely]]
      return false;
    c.frame = {};
    return true;
  }

  /// Then, for one whose frame stays, once it has ended.
  static void last_child_ended(fork_child& c, trampoline& t) noexcept { c.record->join(t); }

  /// Called in `await_resume` of the parent: all have ended.
  void leave() noexcept { current_trampoline().innermost = outer_; }

  /// Tells the strands of the children that their waits are over.
  void cancel_wait() noexcept override;
  bool cancel_takes_time() const noexcept override { return true; }
  std::string describe_wait() const override { return "the children of a fork"; }

  // --- for a strand between its slices, and for thieves -----------------------------------------------------------

  /// B3, when the strand lets others run.
  static void carry(trampoline& t) noexcept;
  /// B3, before a wait.
  static void leave_behind(trampoline& t) noexcept;
  /// At the next slice: where the strand goes on that `mark` stands for.
  static std::coroutine_handle<> take_up(trampoline& t, std::coroutine_handle<> mark) noexcept;
  /// Whether a strand's `resume_at` stands for a fork.
  static constexpr std::uintptr_t is_fork = 1;
  static bool is_marked(std::coroutine_handle<> h) noexcept {
    return (reinterpret_cast<std::uintptr_t>(h.address()) & is_fork) != 0;
  }
  /// B5: false if children are still running; the last of them wakes the strand.
  static bool abandon(strand& self) noexcept;
  /// Makes a strand of a child that has been taken out of a deque.
  static job& adopt(fork_child& c) noexcept;

protected:
  ~fork_record() = default;

  /// Takes the task over.
  template <class Task, class Outcome>
  void attach(fork_child& c, Task& t, Outcome& outcome) noexcept {
    const auto frame = t.release();
    frame.promise().continuation = c.as_continuation();
    c.frame = frame;
    c.record = this;
    c.outcome = &outcome;
  }

  /// The frames that are still there go with the parent's (B6).
  static void destroy_frames(std::span<fork_child> children) noexcept {
    for (fork_child& c : children)
      if (c.frame) [[unlikely]]
        c.frame.destroy();
  }

private:
  friend class fork_strand;

  std::uintptr_t as_word() const noexcept { return reinterpret_cast<std::uintptr_t>(this) | is_fork; }
  /// Keeps where the strand goes on, and puts the innermost fork in its place.
  static void mark(trampoline& t) noexcept;
  static void set_innermost(strand& self, fork_record* r) noexcept;

  trampoline& begin(std::coroutine_handle<> parent, fork_child* children) noexcept {
    trampoline& t = current_trampoline();
    children_ = children;
    parent_ = parent;
    self_ = t.self;
    outer_ = t.innermost;
    if (t.self->has_locals) [[unlikely]]
      remember_locals();
    t.innermost = this;
    return t;
  }

  /// A child on the parent's strand is about to end. False if all others have been stolen: then `join` follows.
  bool go_on(trampoline& t) noexcept {
    if (offered_ != 0) {
      if (fork_child* c = t.forks->pop()) [[likely]] {
        --offered_;
        t.next = c->frame;
        return true;
      }
      stolen_ += offered_;
      offered_ = 0;
    }
    if (begun_ != size_)
      go_on_with_next(t);
    else if (stolen_ == 0) [[likely]]
      t.next = parent_;
    else
      return false;
    return true;
  }

  /// Begins the next child here and offers others to thieves.
  void go_on_with_next(trampoline& t) noexcept {
    t.next = children_[begun_++].frame;
    if (begun_ == size_) return;
    if (size_ == 2) [[likely]] {
      if (t.forks->push(children_[1])) {
        begun_ = 2;
        offered_ = 1;
      }
      return;
    }
    offer(*t.forks);
  }
  void remember_locals() noexcept;
  void offer(fork_deque& deque) noexcept;
  void start_as_strands(trampoline& t) noexcept;
  void join(trampoline& t) noexcept;

  // Set when it starts.
  std::coroutine_handle<> parent_;
  strand* self_;        // the parent's
  fork_record* outer_;  // the fork around this one on the same strand
  fork_child* children_;
  std::coroutine_handle<> resume_at_;  // the strand's, while it pauses and this fork is the innermost

  std::size_t size_;
  // The parent's strand alone counts these.
  std::size_t begun_ = 0;    // children that have been begun or offered
  std::size_t offered_ = 0;  // of those, the ones in the deque as far as is known
  std::size_t stolen_ = 0;   // and the ones that run on strands of their own

  local_binding* locals_ = nullptr;    // what children see that run elsewhere; kept by the frames around the fork
  fork_child* carried_ = nullptr;      // B3, in the innermost fork only
  fork_strand* strands_ = nullptr;     // of children, live; under lock_
  atomic<std::ptrdiff_t> pending_{0};  // B4
  bool left_behind_ = false;           // nothing is left to leave behind, here and in the forks around
  bool joined_ = false;                // B4: `pending_` has been raised
  bool cancelled_ = false;             // under lock_
  spin_lock lock_;
};

}  // namespace troupe::detail
