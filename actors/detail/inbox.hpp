#pragma once

#include <cstdint>

#include <troupe/actors/envelope.hpp>
#include <troupe/base/atomic.hpp>

namespace troupe::detail {

enum class push_result : std::uint8_t {
  queued,  ///< the reader is awake and will come to it
  woke,    ///< the reader was idle: the pusher must schedule it, nobody else will
  closed,  ///< nobody will ever read: the pusher keeps the envelope
};

/// Where messages wait for one reader: any number of threads push, the one that runs the actor takes.
///
/// Pushing is a compare-exchange on a stack; the reader takes the whole stack and turns it round, as in CAF's `lifo_inbox`
/// (libcaf_core/caf/detail). But it takes without writing to `head_`: the newest envelope that it has taken stays where it
/// is, as a mark of how far it has read. So a batch costs the reader no read-modify-write at all, and going idle costs one.
///
/// M1. `head_` is `idle`, `closed`, or the newest envelope pushed (null: none yet), whose links lead to older ones and end
///     at `mark_` or null.
/// M2. `head_ == mark_` means that all has been taken. The envelope that is the mark keeps its memory while it is one; its
///     message is destroyed right after its handler, as any other's.
/// M3. A reader is awake (it runs, is queued to run, or is suspended in a handler) if and only if `head_` is not `idle`. The
///     push that finds `idle` wakes it; so exactly one does.
/// M4. `closed` is final: no push succeeds after it, and none before it is lost, since closing is a compare-exchange from
///     the mark.
class inbox {
public:
  /// Any thread.
  push_result push(envelope& e) noexcept {
    std::uintptr_t head = head_.load(relaxed);
    for (;;) {
      if (head == closed) {
        // What the reader did before it closed is to be seen by the pusher.
        (void)head_.load(acquire);
        return push_result::closed;
      }
      e.next = head == idle ? nullptr : pointer(head);
      // Release hands the message over to take(); acquire takes over what the reader did before it went idle.
      if (head_.compare_exchange_weak(head, address(&e), acq_rel, relaxed))
        return head == idle ? push_result::woke : push_result::queued;
    }
  }

  /// Reader only. The next of what `refill` took, in the order pushed (per pusher), or null. The envelope stays the inbox's:
  /// give it back with `done` once its message is destroyed.
  envelope* take() noexcept {
    envelope* e = taken_;
    if (e) taken_ = e->next;
    return e;
  }

  /// Reader only, when `take` has returned null: takes all that has been pushed since. False if that is nothing.
  bool refill() noexcept {
    envelope* newest = pointer(head_.load(acquire));  // pairs with the release of push
    if (newest == mark_) return false;
    envelope* in_order = nullptr;
    for (envelope* i = newest; i != mark_;) {
      envelope* older = i->next;
      i->next = in_order;
      in_order = i;
      i = older;
    }
    if (mark_) free_envelope(mark_);
    mark_ = newest;
    taken_ = in_order;
    return true;
  }

  /// Reader only: the envelope's message is destroyed.
  void done(envelope& e) noexcept {
    if (&e != mark_) free_envelope(&e);  // M2
  }

  /// Reader only, when `take` has returned null. True: the reader is idle and may be woken by another thread at this very
  /// moment, so the caller touches nothing any more. False: a message has come.
  bool try_idle() noexcept { return leave(idle); }

  /// Reader only, when `take` has returned null: nobody will read any more. False: a message has come.
  bool try_close() noexcept { return leave(closed); }

  /// Any thread; a moment's truth.
  bool is_closed() const noexcept { return head_.load(relaxed) == closed; }
  bool is_idle() const noexcept { return head_.load(acquire) == idle; }

  /// Starts awake (M3): the owner ends its preparations with `try_idle`.
  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;

private:
  static constexpr std::uintptr_t idle = 1;
  static constexpr std::uintptr_t closed = 2;

  static envelope* pointer(std::uintptr_t head) noexcept { return reinterpret_cast<envelope*>(head); }
  static std::uintptr_t address(envelope* e) noexcept { return reinterpret_cast<std::uintptr_t>(e); }

  bool leave(std::uintptr_t to) noexcept {
    envelope* mark = mark_;
    std::uintptr_t expected = address(mark);
    mark_ = nullptr;
    // Release hands the actor's state over to whoever is woken next.
    if (!head_.compare_exchange_strong(expected, to, release, relaxed)) {
      mark_ = mark;
      return false;
    }
    if (mark) free_envelope(mark);
    return true;
  }

  atomic<std::uintptr_t> head_{0};  // M1
  envelope* mark_ = nullptr;        // M2; the reader's
  envelope* taken_ = nullptr;       // taken, not yet handled, oldest first; the reader's
};

}  // namespace troupe::detail
