#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <troupe/actors/address.hpp>
#include <troupe/actors/room.hpp>
#include <troupe/actors/stream_reader.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/exchange/binding.hpp>
#include <troupe/exchange/detail/ring.hpp>
#include <troupe/exchange/subscribe_options.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe::detail {

class backlog_base;
class broadcast_base;
class exchange_state;

/// What a publish has yet to do when it has let go of all locks.
class publish_aftermath {
public:
  publish_aftermath() = default;
  publish_aftermath(const publish_aftermath&) = delete;
  publish_aftermath& operator=(const publish_aftermath&) = delete;
  /// Wakes the readers, and destroys the messages.
  ~publish_aftermath() {
    if (told_ || few_ != 0 || full_) settle();
  }

  unsigned refused = 0;  ///< subscribers whose policy is to fail, and that had no room

  /// What goes beyond the limit of one whose policy is to block has no publisher to be muted.
  void mute_nobody() noexcept { full_ = nullptr; }

  /// Nobody refers to the message any more. Its destructor is users' code, and not for under a lock.
  void destroy_later(void* box, void (*destroy)(void*) noexcept) noexcept;

private:
  friend class backlog_base;

  struct garbage {
    void* box;
    void (*destroy)(void*) noexcept;
  };
  void settle() noexcept;

  backlog_base* told_ = nullptr;  // readers that were idle, linked by themselves
  backlog_base* full_ = nullptr;  // the first that the message went to beyond its limit
  std::size_t few_ = 0;
  std::array<garbage, 8> first_;
  std::vector<garbage> more_;
};

/// A message on its way to backlogs, one after another, which share a box of it. One that is no more than its bytes is
/// put into a box when the first of them wants it; or into one of theirs whose message they drop for it.
struct boxed_message {
  void* box = nullptr;     ///< with a reference for each receiver that has not been asked yet
  std::uint32_t left = 1;  ///< how many these are, with the present one
  // Where there is no box yet.
  const void* message = nullptr;
  void* (*make)(const boxed_message& m) = nullptr;  ///< with `left` references; throws `std::bad_alloc`
  void (*overwrite)(const boxed_message& m, void* box) noexcept = nullptr;

  /// Of a message that outlives this.
  template <class M>
  requires std::is_trivially_copyable_v<M>
  static boxed_message later(const M& m, std::uint32_t receivers) noexcept {
    using box_of = shared_message<M>;
    return {nullptr, receivers, &m,
            [](const boxed_message& b) -> void* { return new box_of(M(*static_cast<const M*>(b.message)), b.left); },
            [](const boxed_message& b, void* to) noexcept {
              ::new (const_cast<M*>(&static_cast<box_of*>(to)->message)) M(*static_cast<const M*>(b.message));
            }};
  }
};

/// The messages that wait for a subscriber that has options of its own, and its reader's side. The part that does not
/// depend on the type of the messages: they are boxes, `shared_message<M>*`.
///
/// BL1. What the reader does not own alone is under `guard_`. No user code runs under it, and only policy `block` has
///     anybody wait for the reader (C9).
/// BL2. A subscriber has one backlog at an exchange, however many bindings (C1). An entry says through which of them it
///     came; once that one's gate is closed it is lost, by `discard` or when the reader comes to it. The binding
///     outlives it, and the backlog its bindings (X1).
/// BL3. Entries stand in the order of their numbers, which are those of N1's marks. What is dropped at the front is
///     counted in `missed_`, what would have come last in an entry without a box.
/// BL4. The reader is idle only if it has `asked_` for news and these have not come (N2). The push that finds `armed_`
///     clears it and sends them; the reader sets it no sooner than they are there, so that only one publish sends them.
/// BL5. Who waits for room stands in `waiting_`, and goes on when half of it is free. A node stands there only while
///     there is no room for it; what makes room is the reader, which looks when it takes something out and before it is
///     idle.
/// BL6. What the reader has taken out in a batch counts as waiting until its handler begins. It takes one at a time
///     where the policy may want it back.
/// BL7. Pushes to one that loses a message for each that comes are deferred: messages of the log pass it by, and
///      publishers only count for it, until its reader begins with another message. Then it sees what has passed, and
///      goes on as if each had been pushed (but that one for which there is no memory is told of in front). If messages
///      are to stay for it in the log it also sees them from time to time, and its pushes stay deferred. `deferral_` is
///      changed under the mutex of the log and `guard_`, in this order; publishers, who hold the first, read it without
///      the second. The reader takes nothing out meanwhile.
class backlog_base : public stream_reader,
                     public room,
                     public std::enable_shared_from_this<backlog_base>,
                     public list_hook<> {  // of the log, while messages stay there for it
public:
  /// Who is told what its subscriber has missed; empty if that has no handler.
  struct notices {
    address<lagged> lag{};
    address<disconnected> end{};
  };

  backlog_base(const any_ref& reader, const subscribe_options& o, notices n, std::weak_ptr<exchange_state> from);
  backlog_base(const backlog_base&) = delete;
  backlog_base& operator=(const backlog_base&) = delete;
  virtual ~backlog_base();

  const subscribe_options& options() const noexcept { return options_; }
  bool conflates() const noexcept { return options_.policy == subscription_policy::conflate; }
  /// Messages that its subscriber has not got, as its policy says.
  std::uint64_t lost() const noexcept;

  /// What it has counted.
  struct figures {
    std::uint64_t routed = 0;  ///< what was taken in, and what was lost at once
    std::uint64_t lagged = 0, conflated = 0, disconnected = 0, refused = 0;
    std::size_t waiting = 0, bytes = 0;  ///< now

    figures& operator+=(const figures& o) noexcept;
  };
  /// Any thread.
  figures counted() const noexcept;

  // --- any thread, inside the epoch in which it found the binding ---------------------------------------------------

  /// A message for its subscriber, which has been asked then; takes one reference to the box over, if there is one,
  /// also if it throws. `key`: for those that conflate. False if the subscriber does not get it. Throws
  /// `std::bad_alloc`.
  bool push(boxed_message& m, binding& via, std::size_t bytes, const std::string* key, publish_aftermath& after);

  // --- the log, under its mutex (BL7) -------------------------------------------------------------------------------

  /// How pushes are deferred.
  enum class deferral : std::uint8_t {
    none,
    keeps,      ///< drop_oldest: messages stay in the log
    conflates,  ///< all have the same key: they stay in the log, which the last of them matters of
    drops,      ///< drop_newest
    refuses,    ///< fail
    closed,     ///< it takes nothing any more
  };
  static constexpr std::size_t deferrals = 6;
  deferral deferred() const noexcept { return deferral_.load(relaxed); }
  /// Since which message.
  std::uint64_t deferred_from() const noexcept { return deferred_from_; }
  /// The last push has lost something.
  bool is_behind() const noexcept { return behind_; }
  /// Pushes are deferred from now on, if they can be: behind the last message of the log; says how. `stay`: its
  /// messages can stay there; `alike`: they all have the same key.
  deferral begin_deferral(binding& via, std::size_t bytes, bool stay, bool alike) noexcept;
  /// Sees what has passed, and pushes stay deferred.
  void see_in_turn() noexcept;
  /// Takes the guard, and sees what has passed; no more pushes are deferred. Says how they were.
  deferral end_deferral(std::unique_lock<spin_lock>& guard) noexcept;
  /// It belongs to that log.
  void belongs_to(std::shared_ptr<broadcast_base> log) noexcept { log_ = std::move(log); }

  /// The policy is to block, and there is no room for so many bytes; a moment's truth.
  bool blocks(std::size_t bytes) noexcept;
  /// Under the guard: puts the node into the line of those who wait, unless there is room.
  bool wait_for_room(wait_node& n, std::size_t bytes) noexcept;

  spin_lock& guard() noexcept override { return guard_; }
  bool mute(wait_node& n) noexcept override;
  cell& reader() const noexcept override { return *reader_.get_cell(); }
  std::string describe_room() const override;
  void keep_room() noexcept override { kept_by_.fetch_add(1, relaxed); }
  void let_room_go() noexcept override { binding_gone(); }

  /// Messages that it was to begin with are kept no more: tells its subscriber how many.
  void missed(std::uint64_t n) noexcept;

  // --- exchange_state -----------------------------------------------------------------------------------------------

  /// One more binding leads here; with the first the actor gets to know the stream, before anything is published to it
  /// (N1). Under the exchange's mutex. Throws `std::bad_alloc`.
  void add_binding(binding& b);
  /// The last message through a binding has been read: the last of them takes the stream with it. Called by the slice.
  void binding_left(cell& c) noexcept {
    if (bindings_.fetch_sub(1, relaxed) == 1) c.stream_removed(*this);
  }
  /// A binding is destroyed.
  void binding_gone() noexcept {
    if (kept_by_.fetch_sub(1, acq_rel) != 1) return;
    const auto last = std::move(self_);  // this goes with it, unless somebody else keeps it
  }
  /// The gate of the binding is closed: drops what came through it, but for what the reader has taken out.
  void discard(binding& b) noexcept;
  /// The same once the reader has ended, of what it had taken out and has not come to.
  void never_read(const binding& b) noexcept;
  /// The actor has ended: drops everything, and takes no more.
  void abandon() noexcept;

  // --- stream_reader ------------------------------------------------------------------------------------------------

  bool mark() noexcept override;
  void read(cell& c, unsigned budget, progress& done) override;
  held_message hand_over() noexcept override;
  envelope* copy() override;
  bool at_mark() const noexcept override { return position_ >= mark_; }
  delivery_account* account() const noexcept override { return noticed_ ? nullptr : account_; }
  bool arm() noexcept override;
  void news() noexcept override { asked_ = false; }

protected:
  /// How a message of some type is dealt with whose box is at hand.
  struct box_type {
    void (*release)(void* box) noexcept;
    envelope* (*copy)(const message_ops& ops, void* box);
  };
  template <class T>
  static constexpr box_type box_type_of{[](void* box) noexcept { static_cast<shared_message<T>*>(box)->release(); },
                                        [](const message_ops& ops, void* box) -> envelope* {
                                          auto& shared = *static_cast<shared_message<T>*>(box);
                                          auto* const e = make_envelope<shared_envelope<T>>(ops, shared, nullptr);
                                          shared.refs.fetch_add(1, relaxed);
                                          return e;
                                        }};

  virtual root_handle call(cell& c, void* box) const = 0;
  /// Gives one reference up; true if it was the last: the box is to be destroyed.
  virtual bool unref(void* box) const noexcept = 0;
  /// Nobody else refers to it, and nobody can.
  virtual bool is_sole(const void* box) const noexcept = 0;

  const box_type* type_ = nullptr;             // of its messages
  const message_ops* shared_ops_ = nullptr;    // of the same
  void (*destroy_)(void*) noexcept = nullptr;  // of the same, when nobody refers to it

private:
  friend class publish_aftermath;

  struct entry {
    void* box = nullptr;  // null: stands only for a gap, or for the end
    binding* via = nullptr;
    std::uint64_t number = 0;
    std::uint64_t gap = 0;  // messages lost in front of it, once the reader has it
    std::size_t bytes = 0;
    const std::string* key = nullptr;  // in `keys_`
    bool end = false;                  // the subscriber is disconnected
  };
  struct at_hand {
    void* box = nullptr;
    const box_type* type = nullptr;
    const message_ops* ops = nullptr;
  };
  class handling;
  /// What became of a message that was pushed.
  struct pushed {
    bool taken = false;
    bool shares = false;  ///< the box of the message
    bool refused = false;
    bool beyond = false;     ///< the limit, for nobody could wait
    unsigned conflated = 0;  ///< one that waited
    std::uint64_t lost = 0;  ///< others, or this one
    loss why = loss::lagged;
  };

  bool has_room(std::size_t bytes) const noexcept;
  std::size_t used_bytes() const noexcept { return bytes_ + batch_bytes_.load(relaxed); }
  bool half_free(std::size_t waiting, std::size_t bytes) const noexcept;
  bool half_free() const noexcept {
    return half_free(count_ + batch_count_.load(relaxed), bytes_ + batch_bytes_.load(relaxed));
  }
  bool can_overwrite(const boxed_message& m, const void* box) const noexcept;
  entry& entry_of(std::uint64_t number) noexcept;
  bool put_into(entry& e, boxed_message& m, publish_aftermath& after);
  bool replace(boxed_message& m, binding& via, std::size_t bytes, const std::string& key, pushed& what,
               publish_aftermath& after);
  bool lose_one(const boxed_message& m, binding& via, std::size_t bytes, pushed& what);
  pushed take_in(boxed_message& m, binding& via, std::size_t bytes, const std::string* key, publish_aftermath& after);
  void append(void* box, binding& via, std::size_t bytes, const std::string* key) noexcept;
  void note_gap(binding& via);
  void* pop_front() noexcept;
  std::uint64_t drop_all(publish_aftermath& after) noexcept;
  void lose_detached(std::uint64_t n) noexcept;
  void forget_key(const entry& e) noexcept;
  void drop_box(void* box, publish_aftermath& after) noexcept;

  void see_all() noexcept;
  std::unique_lock<spin_lock> lock_with_all_seen() noexcept;
  figures unseen() const noexcept;
  void see_what_passed() noexcept;
  std::uint64_t take_newest(std::uint64_t n, publish_aftermath& after) noexcept;
  bool fetch() noexcept;
  entry pop() noexcept;
  bool tell_gap(cell& c, progress& done);
  bool tell_end(cell& c, progress& done);
  template <class T>
  bool tell(cell& c, const address<T>& to, T notice, delivery_gate* gate, progress& done);
  void release_held() noexcept;

  const any_ref reader_;
  const subscribe_options options_;
  const notices notices_;
  const std::weak_ptr<exchange_state> from_;
  core* const core_;

  mutable spin_lock guard_;
  ring<entry> line_;
  std::unordered_map<std::string, std::uint64_t> keys_;  // of what waits, to the numbers; only where it conflates
  std::size_t count_ = 0;                                // messages in line_
  std::size_t bytes_ = 0;                                // of these
  std::uint64_t missed_ = 0;                             // messages lost in front of line_, of which nobody is told yet
  bool armed_ = true;                                    // BL4
  wait_line waiting_;                                    // BL5
  bool closed_ = false;                                  // disconnected, or the actor has ended: takes nothing more
  atomic<std::uint64_t> end_{1};   // the next number; release under the lock pairs with acquire by the reader
  atomic<std::uint64_t> lost_{0};  // written under the lock
  figures counted_;                // but for what there is now; under the lock
  // BL7
  std::shared_ptr<broadcast_base> log_;  // set before anything is deferred; null: the exchange has none
  atomic<deferral> deferral_{deferral::none};
  bool behind_ = false;                  // of pushes, which have the mutex of the log
  std::uint64_t deferred_from_ = 0;      // the first that it has not seen; under the lock and that mutex
  std::size_t deferred_bytes_ = 0;       // of each
  binding* deferred_via_ = nullptr;      // whom they are for
  delivery_account* account_ = nullptr;  // of the exchange; null: nobody counts; set with the first binding
  backlog_base* next_told_ = nullptr;    // of who has cleared armed_
  atomic<unsigned> bindings_{0};         // whose messages may be here; the last that leaves takes the stream with it
  atomic<unsigned> kept_by_{0};          // bindings that exist; acq_rel: the last to go sees what the others did
  std::shared_ptr<backlog_base> self_;   // while there are such

  // The reader's. What it has taken out is counted where pushes see it (BL6).
  std::vector<entry> batch_;
  std::size_t next_ = 0;                // in batch_
  atomic<std::size_t> batch_count_{0};  // messages left in batch_; relaxed: a push may see it late
  atomic<std::size_t> batch_bytes_{0};  // of these
  std::uint64_t position_ = 1;          // the next number to read
  std::uint64_t mark_ = 1;
  bool asked_ = true;     // BL4: armed, or news is on its way
  at_hand reading_;       // whose handler runs
  at_hand held_;          // of a handler that is a coroutine
  bool noticed_ = false;  // what it has handed over last was a notice
};

/// That of an exchange of M.
template <class M>
class backlog final : public backlog_base {
public:
  backlog(const address<M>& to, const subscribe_options& o, const notices& n, std::weak_ptr<exchange_state> from)
      : backlog_base(to, o, n, std::move(from)), call_(to.shared_call()) {
    type_ = &box_type_of<M>;
    shared_ops_ = to.shared_ops();
    destroy_ = [](void* box) noexcept { delete static_cast<shared_message<M>*>(box); };
  }

  const char* message_name() const noexcept override { return type_name<M>(); }

private:
  root_handle call(cell& c, void* box) const override {
    return call_(c, static_cast<shared_message<M>*>(box)->message);
  }
  bool unref(void* box) const noexcept override {
    auto& refs = static_cast<shared_message<M>*>(box)->refs;
    // acquire: pairs with the release of those who have given theirs up.
    return refs.load(acquire) == 1 || refs.fetch_sub(1, acq_rel) == 1;
  }
  bool is_sole(const void* box) const noexcept override {
    return static_cast<const shared_message<M>*>(box)->refs.load(acquire) == 1;  // as in `unref`
  }

  const shared_call<M> call_;
};

}  // namespace troupe::detail
