#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
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
  std::coroutine_handle<> frame;
  fork_record* record = nullptr;
  fork_child* next = nullptr;  // B3: the next newer of those that a strand carries along
};

/// One fork and its join, in the frame of the coroutine that waits for it.
///
/// B1. A child runs either on its parent's strand, one after the other, or on a strand of its own, which is made for it
///     when it is stolen or left behind. Which of the two is seen by comparing the strand that runs with `self_`.
/// B2. While a strand runs, the worker's deque holds what this strand has forked and nobody has begun, the outermost fork
///     first; all that is newer than the fork whose child ends has ended. Between slices the deque is empty.
/// B3. A strand that is told to let others run takes its children out of the deque and carries them to its next slice.
///     A strand that waits leaves them behind, as strands: a child that waits holds up no other.
/// B4. The parent goes on, and its frame may go, only when all children have ended. `pending_` decides who sees that: each
///     strand of a child lowers it at its end, and the parent, once, raises it by the number of those strands. Whoever
///     brings it to zero after that goes on with the parent. The strand of a child touches nothing of the fork later.
/// B5. A kill reaches the parent between slices: it calls off the waits of its children's strands, which look at their
///     parent's fate before each slice, and ends once all have ended, fork by fork from the innermost.
class fork_record : public wait_point {
public:
  explicit fork_record(std::size_t size) noexcept : size_(size) {}
  fork_record(const fork_record&) = delete;
  fork_record& operator=(const fork_record&) = delete;

  /// A child's coroutine has the fork in the place of a continuation: the low bit tells the two apart.
  static constexpr std::uintptr_t is_fork = 1;

  /// Called in `await_suspend` of the parent, after its children have been given their frames and continuations.
  void start(std::coroutine_handle<> parent, fork_child* children) noexcept {
    trampoline& t = current_trampoline();
    children_ = children;
    parent_ = parent;
    self_ = t.self;
    outer_ = t.innermost;
    if (t.self->has_locals) [[unlikely]]
      remember_locals();
    t.innermost = this;
    if (!t.forks) [[unlikely]]
      return start_as_strands(t);
    go_on_with_next(t);
  }

  /// Called where a child has ended, on whatever strand it ran.
  void child_ended(trampoline& t) noexcept {
    if (t.self != self_) [[unlikely]]
      return;  // its strand does the rest
    if (offered_ != 0) {
      if (fork_child* c = t.forks->pop()) [[likely]] {
        --offered_;
        t.next = c->frame;
        return;
      }
      stolen_ += offered_;
      offered_ = 0;
    }
    if (begun_ != size_)
      go_on_with_next(t);
    else if (stolen_ == 0) [[likely]]
      t.next = parent_;
    else
      join(t);
  }

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
  static bool is_marked(std::coroutine_handle<> h) noexcept {
    return (reinterpret_cast<std::uintptr_t>(h.address()) & is_fork) != 0;
  }
  /// B5: false if children are still running; the last of them wakes the strand.
  static bool abandon(strand& self) noexcept;
  /// Makes a strand of a child that has been taken out of a deque.
  static job& adopt(fork_child& c) noexcept;

protected:
  ~fork_record() = default;

  template <class Promise>
  void attach(fork_child& c, std::coroutine_handle<Promise> frame) noexcept {
    frame.promise().continuation = as_word();
    c.frame = frame;
    c.record = this;
  }

private:
  friend class fork_strand;

  std::uintptr_t as_word() const noexcept { return reinterpret_cast<std::uintptr_t>(this) | is_fork; }
  /// Keeps where the strand goes on, and puts the innermost fork in its place.
  static void mark(trampoline& t) noexcept;
  static void set_innermost(strand& self, fork_record* r) noexcept;

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

  std::coroutine_handle<> parent_;
  std::coroutine_handle<> resume_at_;  // the strand's, while it pauses and this fork is the innermost
  strand* self_ = nullptr;             // the parent's
  fork_record* outer_ = nullptr;       // the fork around this one on the same strand
  fork_child* children_ = nullptr;
  local_binding* locals_ = nullptr;  // what children see that run elsewhere; kept by the frames around the fork
  std::size_t size_;
  // The parent's strand alone counts these.
  std::size_t begun_ = 0;          // children that have been begun or offered
  std::size_t offered_ = 0;        // of those, the ones in the deque as far as is known
  std::size_t stolen_ = 0;         // and the ones that run on strands of their own
  fork_child* carried_ = nullptr;  // B3, in the innermost fork only
  bool left_behind_ = false;       // nothing is left to leave behind, here and in the forks around
  bool joined_ = false;            // B4: `pending_` has been raised

  bool cancelled_ = false;  // under lock_
  spin_lock lock_;
  fork_strand* strands_ = nullptr;     // of children, live; under lock_
  atomic<std::ptrdiff_t> pending_{0};  // B4
};

}  // namespace troupe::detail
