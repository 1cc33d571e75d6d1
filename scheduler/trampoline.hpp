#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include <troupe/scheduler/strand.hpp>

namespace troupe::detail {

class fork_deque;
class fork_record;

/// Why the chain of coroutines came back to the loop.
enum class pause : std::uint8_t {
  none,       ///< it is still going, or went to its end
  suspended,  ///< somebody else will schedule the strand, and may have done so already: touch it no more
  yielded,    ///< the slice is over: put the strand behind the others
  receiving,  ///< a loop actor wants its next message
};

/// Somebody who wants to know when a chain of coroutines first pauses, before anyone can resume it elsewhere.
class pause_hook {
public:
  virtual void paused() noexcept = 0;

protected:
  ~pause_hook() = default;
};

/// The loop that resumes coroutines. An awaitable does not resume another coroutine, it names it in `next` and returns
/// here: the stack stays flat however long the chain, also where symmetric transfer is not a tail call (g++ below -O2
/// and under sanitizers).
struct trampoline {
  static constexpr unsigned share = 1024;

  strand* self;
  std::coroutine_handle<> next;
  pause why = pause::none;
  unsigned left = share;  ///< resumptions and ready awaits until the strand lets others run
  fork_deque* forks =
      nullptr;  ///< of the worker that runs the loop; null where children of a fork are jobs like others
  fork_record* innermost = nullptr;  ///< of the forks that the strand is in
  pause_hook* hook = nullptr;        ///< called once, at the first pause or at the end of the chain

  explicit trampoline(strand& s) noexcept : self(&s) {}

  /// Resumes `h` and what it names next until the chain pauses or ends. The strand may be gone afterwards unless the
  /// result is `none`, `yielded` or `receiving`.
  pause run(std::coroutine_handle<> h) noexcept;
};

// Initial-exec, hence without a call.
extern constinit thread_local trampoline* this_trampoline __attribute__((tls_model("initial-exec")));

[[noreturn]] void no_trampoline() noexcept;

/// The loop that runs the calling coroutine. Only inside `await_suspend` and `await_ready`.
inline trampoline& current_trampoline() noexcept {
  trampoline* t = this_trampoline;
  if (!t) [[unlikely]]
    no_trampoline();
  return *t;
}

/// Makes strands of the children that `t`'s strand has forked and that nobody has begun: it is about to wait.
void leave_forks_behind(trampoline& t) noexcept;
/// Lets the strand carry them to its next slice.
void keep_forks(trampoline& t) noexcept;

/// Called by an awaitable before it publishes its wait: the strand goes on at `h` once somebody schedules it.
inline strand& suspend_current(std::coroutine_handle<> h) noexcept {
  trampoline& t = current_trampoline();
  if (t.hook) std::exchange(t.hook, nullptr)->paused();
  t.why = pause::suspended;
  t.self->resume_at = h;
  if (t.innermost) [[unlikely]]
    leave_forks_behind(t);
  return *t.self;
}

/// Called by an awaitable that lets others run: the strand goes on at `h` in its next slice.
inline void yield_current(std::coroutine_handle<> h) noexcept {
  trampoline& t = current_trampoline();
  if (t.hook) std::exchange(t.hook, nullptr)->paused();
  t.why = pause::yielded;
  t.self->resume_at = h;
  if (t.innermost) [[unlikely]]
    keep_forks(t);
}

/// Called by an awaitable that is ready: false if the strand has had its share and is to let others run first.
inline bool may_go_on() noexcept {
  trampoline* t = this_trampoline;
  if (!t) return true;
  if (t->left == 0) return false;
  --t->left;
  return true;
}

/// Whether the calling party may see task-local values.
inline bool sees_locals() noexcept { return this_trampoline ? this_trampoline->self->has_locals : thread_has_locals; }

/// Called by an awaitable that hands over to another coroutine of the same strand.
inline void transfer_to(std::coroutine_handle<> h) noexcept { current_trampoline().next = h; }

}  // namespace troupe::detail
