#pragma once

#include <cstdint>

#include <troupe/actors/envelope.hpp>
#include <troupe/base/atomic.hpp>

namespace troupe::detail {

enum class push_result : std::uint8_t {
  queued,  ///< the reader is awake and will come to it
  woke,    ///< the reader was idle: the pusher must schedule it, nobody else will
  closed,  ///< the reader is gone for ever: the pusher is the reader now and must `take` and refuse what is there
};

/// Where messages wait for one reader: any number of threads push, the one that runs the actor takes.
///
/// A linked list in the order of pushing. A push is one exchange on `head_` and one store that links the envelope to
/// its predecessor; taking costs no read-modify-write, going idle one compare-exchange. The list is Vyukov's
/// (1024cores.net, intrusive MPSC queue), the mark for an idle reader in the low bits is that of Pony's `messageq.c`.
///
/// M1. `head_` is the address of the last link pushed, with one of the marks `idle` and `closed` in its low bits or
///     none.
/// M2. The reader is awake (it runs, is queued to run, or is suspended in a handler) if and only if `head_` bears no
///     mark. The push that finds a mark takes it away; so exactly one push wakes the reader, or becomes the reader of
///     an inbox that was closed.
/// M3. `tail_` is the link that leads to the next envelope to take: the inbox's own, or that of the envelope taken
///     last, which therefore keeps its memory until the next one is taken or the reader goes idle. Its message is
///     destroyed by then.
/// M4. Between a push's exchange and its store the list is cut in two. The reader that comes to the cut waits for the
///     store: two instructions, unless the pusher is preempted just there; then it gives up the processor until it is
///     linked.
/// M5. What stands behind a link changes by its pusher's store and, before that or after it, by the reader. So the
///     reader takes the envelope of `tail_` out of the list, and puts others in at `tail_`, when the link has led on;
///     and while it leads nowhere, by a compare-exchange that moves `head_` from that link to another: then no pusher
///     has it.
///
/// The two ends are two objects, so that whoever holds them can lay what both sides only read between them: the line
/// that pushers fight for must not be the one that the reader writes to with each message.
class inbox {
public:
  /// Any thread.
  push_result push(envelope& e) noexcept {
    e.next.store(nullptr, relaxed);
    // Release hands the envelope on to the next push; acquire takes over what the reader did before it went idle.
    const std::uintptr_t before = head_.exchange(address(e.next), acq_rel);
    // Release hands the message over to take().
    link_of(before)->store(&e, release);
    return (before & marks) == 0 ? push_result::queued : before & idle ? push_result::woke : push_result::closed;
  }

  /// True while the reader has nothing to do; a moment's truth. Any thread.
  bool reader_is_idle() const noexcept { return (head_.load(relaxed) & idle) != 0; }

  explicit inbox(class inbox_reader& reader) noexcept;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;

private:
  friend class inbox_reader;
  using link = atomic<envelope*>;

  static constexpr std::uintptr_t idle = 1;
  static constexpr std::uintptr_t closed = 2;
  static constexpr std::uintptr_t marks = idle | closed;

  static std::uintptr_t address(const link& l) noexcept { return reinterpret_cast<std::uintptr_t>(&l); }
  static link* link_of(std::uintptr_t head) noexcept { return reinterpret_cast<link*>(head & ~marks); }

  atomic<std::uintptr_t> head_;  // M1
};

/// The reader's end of an inbox; each function is given the other end. All are the reader's alone.
class inbox_reader {
public:
  /// The next message in the order pushed, or null if there is none. Its memory stays the inbox's; the reader destroys
  /// the message before it takes the next.
  envelope* take(inbox& from) noexcept {
    envelope* e = tail_->load(acquire);
    if (!e) [[unlikely]] {
      if (from.head_.load(acquire) == inbox::address(*tail_)) return nullptr;
      e = wait_for_link();
    }
    pass(tail_);
    tail_ = &e->next;
    return e;
  }

  /// Whether `take` would give a message.
  bool has_message(const inbox& in) const noexcept {
    return tail_->load(acquire) || in.head_.load(acquire) != inbox::address(*tail_);
  }

  /// The envelope taken last, while it is in the list; null if it is no more, or the reader has been idle since.
  envelope* last_taken() const noexcept { return tail_ == &own_ ? nullptr : envelope_of(*tail_); }

  /// Takes the envelope taken last out of the list: its memory is the caller's from now on (M5).
  void detach_last(inbox& from) noexcept {
    envelope* next = tail_->load(acquire);
    if (!next) {
      own_.store(nullptr, relaxed);
      std::uintptr_t expected = inbox::address(*tail_);
      // Release shows the empty link to the next pusher, who stores to it.
      if (from.head_.compare_exchange_strong(expected, inbox::address(own_), release, relaxed)) {
        tail_ = &own_;
        return;
      }
      next = wait_for_link();
    }
    own_.store(next, relaxed);
    tail_ = &own_;
  }

  /// Puts an envelope in front of all others: it is taken next. Its memory is the inbox's from now on (M5).
  void put_in_front(inbox& in, envelope& e) noexcept {
    envelope* next = tail_->load(acquire);
    if (!next) {
      e.next.store(nullptr, relaxed);
      std::uintptr_t expected = inbox::address(*tail_);
      // Release, as above.
      if (in.head_.compare_exchange_strong(expected, inbox::address(e.next), release, relaxed)) {
        tail_->store(&e, relaxed);
        return;
      }
      next = wait_for_link();
    }
    e.next.store(next, relaxed);
    tail_->store(&e, relaxed);
  }

  /// When `take` has returned null and its last message is destroyed. True: the reader is idle and may be woken by
  /// another thread at this very moment, so the caller touches nothing any more. False: a message has come.
  bool try_idle(inbox& i) noexcept { return leave(i, inbox::idle); }

  /// The same, but nobody will read any more: what is pushed from now on is the pusher's to refuse.
  bool try_close(inbox& i) noexcept { return leave(i, inbox::closed); }

  /// Starts awake (M2): the owner ends its preparations with `try_idle`.
  inbox_reader() = default;
  inbox_reader(const inbox_reader&) = delete;
  inbox_reader& operator=(const inbox_reader&) = delete;

private:
  friend class inbox;
  using link = inbox::link;

  /// The link has been passed: frees the envelope that it belongs to.
  void pass(link* l) noexcept {
    if (l != &own_) free_envelope(envelope_of(*l));
  }

  envelope* wait_for_link() noexcept {
    for (int i = 0;; ++i) {
      if (envelope* e = tail_->load(acquire)) return e;
      if (i < 100)
        cpu_relax();
      else
        yield_thread();
    }
  }

  bool leave(inbox& i, std::uintptr_t mark) noexcept {
    link* last = tail_;
    std::uintptr_t expected = inbox::address(*last);
    if (last != &own_) own_.store(nullptr, relaxed);
    tail_ = &own_;
    // Release hands the actor's state over to whoever is woken next.
    if (!i.head_.compare_exchange_strong(expected, inbox::address(own_) | mark, release, relaxed)) {
      tail_ = last;
      return false;
    }
    pass(last);
    return true;
  }

  link own_{nullptr};   // the first link after the reader was idle
  link* tail_ = &own_;  // M3
};

inline inbox::inbox(inbox_reader& reader) noexcept : head_(address(reader.own_)) {}

}  // namespace troupe::detail
