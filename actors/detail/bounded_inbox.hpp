#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <troupe/actors/envelope.hpp>
#include <troupe/actors/mailbox.hpp>
#include <troupe/actors/room.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe::detail {

class mailbox_budget;

/// Envelopes in a line, linked by themselves. Owns nothing.
class envelope_list {
public:
  bool empty() const noexcept { return !first_; }
  void push_back(envelope& e) noexcept {
    e.next.store(nullptr, relaxed);
    if (first_)
      last_->next.store(&e, relaxed);
    else
      first_ = &e;
    last_ = &e;
  }
  void push_front(envelope& e) noexcept {
    e.next.store(first_, relaxed);
    if (!first_) last_ = &e;
    first_ = &e;
  }
  envelope* pop_front() noexcept {
    envelope* e = first_;
    if (e) first_ = e->next.load(relaxed);
    return e;
  }
  /// The first that is not the runtime's own; null if there is none.
  envelope* pop_message() noexcept;

private:
  envelope* first_ = nullptr;
  envelope* last_ = nullptr;  // of a list that is not empty
};

/// The inbox of an actor whose mailbox is not the default one: it has a limit, or an order of its own. What `inbox`
/// does without a lock is done here under one, so that a sender can see whether there is room, wait for it, and make
/// it.
///
/// BI1. All is under `guard_`. The reader is awake unless `idle_`; the push that finds it idle wakes it (M2).
/// BI2. `count_` is the number of messages in it, those of the runtime left out; only what is sent by whoever cannot
///     wait (policy `block`) goes beyond the capacity.
/// BI3. The memory of the envelope that `take` gave is the inbox's until the next `take`, or until the reader leaves
///     (M3).
/// BI4. In a FIFO the runtime's messages stand in the line with the others. Beside any other order they come first, but
///     for those that must come behind what was sent before them (`after_all`): they wait until there is no message
///     left.
/// BI5. Who waits for room stands in `senders_` with its envelope, and nobody who could wait overtakes it: whoever
///     makes room puts the first one's envelope into the mailbox in its place. Muted actors stand in `muted_` until
///     half of the room is free, and that of an empty mailbox is, whatever the budget says: its memory may be held by
///     messages for those who are muted themselves. None of them waits once the mailbox is closed for messages.
class bounded_inbox final : public room {
public:
  /// `budget` may be null; it outlives the inbox. Throws `troupe_error` (`invalid_argument`) for a capacity of 0.
  bounded_inbox(cell& owner, const mailbox_options& o, mailbox_budget* budget);
  bounded_inbox(const bounded_inbox&) = delete;
  bounded_inbox& operator=(const bounded_inbox&) = delete;
  ~bounded_inbox() = default;

  enum class pushed : std::uint8_t {
    queued,
    woke,     ///< the reader was idle: the pusher must schedule it, nobody else will
    closed,   ///< nobody will come to it: the message stays the pusher's
    full,     ///< the same, for lack of room
    dropped,  ///< the same: the policy drops the newest
  };

  /// Any thread. `may_refuse`: the caller would rather be told `full` than go beyond the capacity. `beyond` becomes
  /// true where the policy is to block and the message went beyond it. A message that is taken counts as sent, unless
  /// it was `counted` before.
  pushed push(envelope& e, bool may_refuse, bool counted, bool& beyond) noexcept;

  // --- the reader's alone -------------------------------------------------------------------------------------------

  /// The next message, or null. Lets in who waits for the room.
  envelope* take() noexcept;
  bool try_idle() noexcept;
  bool try_close() noexcept;
  /// No message is to come in any more; who waits for room is told so.
  void refuse_more() noexcept;
  bool has_message() const noexcept;
  /// The envelope taken last; null if it is not here any more. Its memory becomes the caller's.
  envelope* last_taken() const noexcept { return last_; }
  void detach_last() noexcept { last_ = nullptr; }
  /// The envelope is taken next, and takes no room: it has been taken before.
  void put_in_front(envelope& e) noexcept {
    std::lock_guard lock(guard_);
    front_.push_front(e);
  }

  // --- any thread ---------------------------------------------------------------------------------------------------

  bool reader_is_idle() const noexcept { return idle_.load(relaxed); }
  /// Messages in it; a moment's truth.
  std::size_t size() const noexcept { return count_.load(relaxed); }

  /// The lock of the lines, and what is done under it: to let the envelope in or, if there is no room, the node into
  /// the line of the senders; and to let a muted actor into theirs, unless there is room again.
  spin_lock& guard() noexcept override { return guard_; }
  enum class entry : std::uint8_t { entered, waits, closed };
  entry enter_or_wait(envelope& e, wait_node& n) noexcept;
  bool mute(wait_node& n) noexcept override;
  cell& reader() const noexcept override { return *owner_; }
  std::string describe_room() const override;
  void keep_room() noexcept override;
  void let_room_go() noexcept override;

  /// What a queue of one's own has let go of; called from within it.
  void let_go(envelope& e) noexcept;

  /// There may be room in the budget again.
  void budget_has_room() noexcept;

private:
  friend class mailbox_budget;

  bool has_room(const envelope& e) const noexcept;
  bool half_free() const noexcept;
  bool holds_anything() const noexcept;
  bool make_room(const envelope& e) noexcept;
  void insert(envelope& e) noexcept;
  void removed(const envelope& e) noexcept;
  envelope* next() noexcept;
  void let_in(wake_list& woken) noexcept;
  void refuse(wake_list& woken) noexcept;
  bool ask_for_budget() noexcept;
  bool wake_reader() noexcept;
  void free_last() noexcept;
  void lose(envelope_list gone) noexcept;

  cell* owner_;
  const mailbox_options options_;
  mailbox_budget* budget_;

  mutable spin_lock guard_;
  atomic<bool> idle_{false};              // written under the lock
  bool closed_ = false;                   // the reader is gone for ever
  bool refusing_ = false;                 // closed for messages, not for those of the runtime
  bool stalled_ = false;                  // the queue of one's own has given nothing although it holds something
  bool asked_ = false;                    // the budget will tell when there is room
  atomic<std::size_t> count_{0};          // BI2; written under the lock
  std::unique_ptr<message_queue> queue_;  // null: FIFO
  envelope_list line_;                    // FIFO: all; else the runtime's messages that come first
  envelope_list behind_;                  // BI4
  envelope_list front_;                   // put in front by the reader
  envelope_list gone_;                    // let go of, not yet lost
  envelope* last_ = nullptr;              // BI3
  wait_line senders_;                     // BI5: their `place` is an envelope*
  wait_line muted_;
  bounded_inbox* next_starved_ = nullptr;  // in the budget's list, while `asked_`
};

/// The memory that the messages of all mailboxes of a runtime may take together.
///
/// BG1. Whoever finds no room puts its inbox on `starved_`, then looks at `used_` again; whoever gives room back lowers
///     `used_`, then looks at `starved_` (all seq_cst): one of the two sees the other.
class mailbox_budget {
public:
  mailbox_budget(std::size_t bytes, overflow when_full) noexcept : limit_(bytes), when_full_(when_full) {}
  mailbox_budget(const mailbox_budget&) = delete;
  mailbox_budget& operator=(const mailbox_budget&) = delete;

  overflow when_full() const noexcept { return when_full_; }
  /// True if so many bytes more may be used. A message that is greater than the whole budget may come alone.
  bool has_room(std::size_t bytes) const noexcept {
    const std::size_t used = used_.load(seq_cst);
    return used == 0 || (bytes <= limit_ && used <= limit_ - bytes);
  }
  void use(std::size_t bytes) noexcept { used_.fetch_add(bytes, seq_cst); }
  void give_back(std::size_t bytes) noexcept { used_.fetch_sub(bytes, seq_cst); }
  /// Bytes in all mailboxes; a moment's truth.
  std::size_t used() const noexcept { return used_.load(relaxed); }

  /// The inbox waits for room: it is told by `budget_has_room`, once. Its cell is kept until then.
  void await_room(bounded_inbox& in) noexcept;
  /// Tells those who wait; called after `give_back`, without locks.
  void tell_starved() noexcept;

private:
  const std::size_t limit_;
  const overflow when_full_;
  atomic<std::size_t> used_{0};
  atomic<bounded_inbox*> starved_{nullptr};  // BG1
};

}  // namespace troupe::detail
