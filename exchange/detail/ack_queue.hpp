#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <typeindex>

#include <troupe/actors/core.hpp>
#include <troupe/actors/stream_reader.hpp>
#include <troupe/base/result.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/exchange/binding.hpp>
#include <troupe/exchange/detail/ack_node.hpp>
#include <troupe/exchange/detail/queue_intake.hpp>
#include <troupe/exchange/queue.hpp>
#include <troupe/scheduler/job.hpp>
#include <troupe/scheduler/timers.hpp>

namespace troupe::detail {

class exchange_registry;

class ack_queue_base;

/// The exchange that a queue belongs to.
class queue_owner {
public:
  /// Nothing is left, after `end_when_empty`.
  virtual void end_inputs() noexcept = 0;

protected:
  ~queue_owner() = default;
};

/// What becomes of a delivery.
enum class verdict : std::uint8_t {
  acknowledged,
  requeued,
  rejected,  ///< a dead letter
};

struct members_tag;

/// An actor attached to a queue. It takes as many messages as it has credit for under one lock, reads them beside its
/// inbox (`stream_reader`), and gives all that it has acknowledged back under one lock too.
class ack_member_base : public binding,
                        public stream_reader,
                        public list_hook<ack_member_base>,
                        public list_hook<members_tag> {
public:
  ack_member_base(any_ref to, std::shared_ptr<ack_queue_base> from, std::size_t prefetch);
  ~ack_member_base() override;

  bool mark() noexcept override;
  bool look_again() noexcept override;
  bool at_mark() const noexcept override { return next_ == mark_; }
  bool arm() noexcept override;
  void news() noexcept override { armed_ = false; }
  void left(cell& c) noexcept override { c.stream_removed(*this); }
  delivery_account* account() const noexcept override { return gate.account; }
  std::optional<std::uint64_t> lag(std::uint64_t& bytes) const noexcept override;

  /// Gives back what it has acknowledged. The slice's, and the end's.
  void settle() noexcept;

protected:
  friend class ack_queue_base;

  ack_queue_base& from() const noexcept { return *queue_; }
  const std::shared_ptr<ack_queue_base>& shared_from() const noexcept { return queue_; }
  /// Q3: the next of its batch, which is in front of the mark; null if that was taken back.
  ack_node* begin_next() noexcept {
    const std::size_t i = next_++;
    // Fetched while this one is handled: another thread has written it.
    if (i + 2 < size_) prefetch(batch_[i + 2]);
    if (claims_ && !claim(i, place::given, place::begun)) [[unlikely]] {
      (void)take_out(i);
      return nullptr;
    }
    return batch_[i];
  }
  /// Its handler has returned.
  void end_last() noexcept {
    if (claims_ && batch_[next_ - 1] && !claim(next_ - 1, place::begun, place::answered)) [[unlikely]]
      came_late();
  }
  /// Its handler waits for something.
  void is_slow() noexcept { quick_ = false; }
  bool owes_much() const noexcept { return next_ - settled_ >= share_; }

private:
  static void prefetch(const ack_node* n) noexcept {
    const char* const at = reinterpret_cast<const char*>(n);
    __builtin_prefetch(at);
    __builtin_prefetch(at + cache_line);
    __builtin_prefetch(at + 2 * cache_line);
  }

  /// Before it takes a batch; and the first half of that before it waits.
  void look_at_pace() noexcept;
  void end_look_at_pace() noexcept;

  // Q6
  enum class place : std::uint8_t { given, begun, answered, taken_back };
  bool claim(std::size_t i, place from, place to) noexcept {
    return claims_[i].compare_exchange_strong(from, to, acq_rel, acquire);
  }
  void came_late() noexcept;
  /// One that was taken back leaves the batch.
  ack_node* take_out(std::size_t i) noexcept;

  /// The same: those between `settled_` and `next_`; returns how many.
  std::size_t finish_handled() noexcept;

  const std::shared_ptr<ack_queue_base> queue_;
  const std::size_t prefetch_;  // its credit when it has nothing
  const std::size_t capacity_;  // of a batch
  const std::size_t share_;     // this many acknowledgements are given back while there is more to read
  const std::unique_ptr<ack_node*[]> batch_;
  const std::unique_ptr<atomic<place>[]> claims_;  // of the batch; null: nobody takes it back
  // Written by the slice under the lock, and by whoever detaches it, when the slice begins with no more of them.
  std::size_t size_ = 0;
  std::size_t next_ = 0;                // the first that has not been begun; the slice's
  std::size_t settled_ = 0;             // in front of it all has been given back; the slice's
  std::size_t mark_ = 0;                // the slice's
  std::size_t credit_;                  // under the lock
  bool detached_ = false;               // under the lock
  atomic<bool> placed_{false};          // set once, when all else is: release pairs with acquire by the slice
  std::int64_t due_ = ack_node::never;  // of its batch; under the lock
  bool armed_ = false;    // the slice's: it waits in the queue's list, or without credit, or news is on its way
  bool starved_ = false;  // under the lock: it wants news, and has no credit
  // Of its slice: how long it takes for a message.
  std::int64_t batch_began_ = 0;  // of a batch that is looked at
  unsigned unseen_batches_ = 0;
  bool quick_ = false;
  // Of its slice, Q8: it has had little, and is to let others run; it has let them.
  bool sipped_ = false;
  bool stood_back_ = false;
};

/// Rings when the first deadline of a queue may be over, and keeps the queue alive until then.
///
/// QA1. While something has a deadline, `when_` is not later, and the alarm is armed for that time, or rings and looks
///      for the next one, or somebody is about to `start` it. So it may be moved to an earlier time.
class queue_alarm final : public timer, public job {
public:
  enum class of : bool { answers, waiting };
  queue_alarm(ack_queue_base& q, of what) noexcept : queue_(&q), what_(what) { in_background = true; }

  /// Under the lock: true if the caller is to `start` it when he has given that up.
  bool wanted(std::int64_t when) noexcept {
    if (when >= when_) return false;
    when_ = when;
    return true;
  }
  void start() noexcept;
  void stop() noexcept;

  void fire() noexcept override;
  void run() noexcept override;
  void dropped() noexcept override { keep_.reset(); }
  void abandoned() noexcept override { keep_.reset(); }

private:
  ack_queue_base* const queue_;
  const of what_;
  spin_lock arming_;                      // taken before the lock of the queue
  std::shared_ptr<ack_queue_base> keep_;  // while it is armed, or rings; under arming_
  std::int64_t when_ = ack_node::never;   // under the lock of the queue
};

/// The part of a queue that does not depend on the type of its messages.
///
/// Q1. A message waits, in the intake or in `waiting_`, stands in the batch of one member, is held (by a coroutine or a
///     `delivery`), or has been answered for. It moves under the lock, but for the end of what a batch has
///     handled, which the member tells later.
/// Q2. Somebody comes for what waits: while there is such a message no member that waits for news has credit, or news
///     is on its way to one that has not come yet. Whoever comes and leaves some tells the next, and so does whoever
///     ends. Who goes idle says so to the intake, then looks into it (QI3).
/// Q3. `[next_, size_)` of a batch has not been begun. Only the slice begins, inside the gate, and only whoever has
///     closed that, or the end of the actor, takes them back.
/// Q4. Each delivery that has begun has one fate of its own in the counts (C3): handled, failed, killed. A message that
///     goes back after that counts as sent once more; one that goes back before has had no fate. What waits is queued.
/// Q5. No code of users runs under the lock: messages are made before it and destroyed after it.
/// Q6. Where answers have a deadline, whoever takes a message of a batch back and the slice that reads it agree on its
///     place by compare-exchange: what is `given` can still be begun or taken back, what has `begun` be answered or
///     taken back. Who takes back does all of that under the lock, and so does the slice that finds it done: the
///     place says so before the message has left. A message that was taken back after it had begun has one reference
///     more, the slice's.
/// Q7. A letter becomes one a bounded number of times, and only once in a queue while no consumer has had it; and what
///     becomes of others on its way into a queue is done when it is there. So dead letters neither go round for ever
///     nor nest.
/// Q8. A quick member that finds little lets others run before it comes again, though there is some more; and where
///     only such members run, a moment passes: what they read comes from other cores, so the fewer times they look the
///     better. Not in front of a message of the inbox (N1).
class ack_queue_base : public std::enable_shared_from_this<ack_queue_base> {
public:
  /// `levelled`: its messages say how urgent they are.
  ack_queue_base(core& k, const std::string& name, queue options, const char* type_name, bool levelled);
  ack_queue_base(const ack_queue_base&) = delete;
  ack_queue_base& operator=(const ack_queue_base&) = delete;
  virtual ~ack_queue_base();

  const queue& options() const noexcept { return options_; }
  core& home() const noexcept { return *core_; }

  /// Takes the message over. What is not accepted is gone, and its confirmation was not told. Throws `std::bad_alloc`.
  /// Any thread.
  enum class pushed : std::uint8_t { accepted, refused, closed };
  pushed push(ack_node& n);

  /// The member gets messages from now on. Throws `std::bad_alloc`, and has not attached it then.
  void attach(ack_member_base& m);
  /// It gets no more; what it has not answered for goes back, but for what a coroutine is at work on. Its gate is
  /// closed, or its actor has ended.
  void detach(ack_member_base& m) noexcept;

  /// The message that the member has begun with last is held: by a coroutine, or by a `delivery`. Returns the number of
  /// the delivery, with which to answer for it; one reference of the node is the caller's. The member's slice.
  std::uint32_t hold(ack_member_base& m, ack_node& n, bool by_hand) noexcept;
  /// The answer for one that is held, once; `expired` if it has been taken back before. The caller's reference is left.
  /// Any thread.
  bool answer_for(ack_node& n, std::uint32_t delivery, verdict what) noexcept;

  /// A handler threw at the message that the member has begun with last: it goes back, and so does what is left of the
  /// batch. The member's slice.
  void give_back(ack_member_base& m) noexcept;

  /// Nobody will come for its messages any more (GR1). Any thread.
  void disband() noexcept;

  /// The runtime ends: what waits is counted as lost, and nothing is taken any more.
  void close() noexcept;

  /// Set once, before it is used.
  void belongs_to(std::weak_ptr<queue_owner> x, std::weak_ptr<exchange_registry> all, delivery_account& a) noexcept {
    owner_ = std::move(x);
    exchanges_ = std::move(all);
    account_ = &a;
  }
  /// Tells the owner, once, when nothing is left: true if that is so now, and it is not told then.
  bool end_when_empty() noexcept;

  queue_counts counts() const noexcept;
  /// What it has taken, and how many deliveries that was to be: with those of what came back (Q4). Any thread.
  struct figures {
    std::uint64_t published = 0;
    std::uint64_t routed = 0;
  };
  figures published() const noexcept;
  virtual std::size_t message_size() const noexcept = 0;
  /// Whether its dead letters can be published on an exchange of messages of that type.
  virtual bool has_letters_for(std::type_index t) const noexcept = 0;

  const char* type_name() const noexcept { return type_name_; }

protected:
  const std::string& name() const noexcept { return name_; }
  /// Logs what is wrong with where its dead letters go, and that once.
  void say_once(std::string_view what) noexcept;
  std::shared_ptr<exchange_registry> exchanges() const noexcept { return exchanges_.lock(); }

private:
  friend class ack_member_base;
  friend class queue_alarm;

  /// Publishes it as a dead letter, as what it has become one; false if nobody has taken it. Lets exceptions through.
  virtual bool send_dead_letter(ack_node& n, const deaths& died) = 0;

  /// What is to be done when the lock is not held any more.
  struct afterwards {
    node_list acknowledged;
    node_list lost;  ///< at the end of the runtime; counted
    node_list left;  ///< of a group that has no members
    node_list dead;  ///< dead letters
    bool arm_answers = false;
    bool arm_expiry = false;
    bool ended = false;
    bool tell = false;
  };

  // Under the lock; `leave` comes last.
  std::size_t share_of(const ack_member_base& m) const noexcept;
  std::size_t refill(ack_member_base& m, std::int64_t now, afterwards& then) noexcept;
  void credit_came(ack_member_base& m, std::size_t n) noexcept;
  void put_back(ack_node& n, bool begun, afterwards& then) noexcept;
  void put_back_rest(ack_member_base& m, afterwards& then) noexcept;
  void let_go(ack_node& n) noexcept;
  void give_up(ack_node& n, dead_reason why, afterwards& then) noexcept;
  std::int64_t take_back_late(std::int64_t now, afterwards& then) noexcept;
  std::int64_t expire(std::int64_t now, afterwards& then) noexcept;
  void leave(afterwards& then) noexcept;
  bool any_waits() const noexcept { return waiting_.size() != 0 || !intake_.empty(); }
  bool empty() const noexcept { return !any_waits() && unanswered_ == 0; }
  void append(node_fifo&& all) noexcept;
  void close_intake() noexcept;

  pushed push_in_order(ack_node& n);
  void drop(node_list& nobody_comes_for) noexcept;
  void run(afterwards& then) noexcept;
  void tell_next() noexcept;
  bool has_been_here(const deaths& died) const noexcept;
  void bury(node_list& dead) noexcept;
  void bury(ack_node& n) noexcept;
  bool pass_on(ack_node& n) noexcept;
  void settle_death(ack_node& n, bool taken) noexcept;
  std::int64_t now() const noexcept;

  core* const core_;
  const std::string name_;
  const queue options_;
  const char* const type_name_;

  // Where the order, the number or the age of all that waits says something, nothing comes through the intake.
  const bool in_order_;
  const bool crowded_;  // publishers and members may run at the same time
  queue_intake intake_;

  alignas(cache_line) mutable spin_lock lock_;
  waiting_nodes waiting_;
  intrusive_list<ack_node> held_;
  std::size_t unanswered_ = 0;  // in batches or held
  intrusive_list<ack_member_base, members_tag> members_;
  std::size_t member_count_ = 0;
  intrusive_list<ack_member_base, ack_member_base> waiters_;  // who have credit and wait for news, who came first first
  bool ending_ = false;
  bool closed_ = false;
  bool disbanded_ = false;
  delivery_account* account_ = nullptr;  // of the exchange
  std::uint64_t published_ = 0;          // but for what came through the intake, as the next
  std::uint64_t routed_ = 0;             // by publishing, and again after a delivery
  atomic<std::uint64_t> routed_to_die_{
      0};  // counted anew, for they were delivered before and are lost now; only counts
  std::uint64_t redelivered_ = 0;
  std::uint64_t dead_letters_ = 0;
  atomic<std::uint64_t> late_{0};  // answers
  atomic<bool> said_{false};       // by say_once; relaxed: only a flag
  std::weak_ptr<queue_owner> owner_;
  std::weak_ptr<exchange_registry> exchanges_;
  queue_alarm answers_alarm_{*this, queue_alarm::of::answers};
  queue_alarm expiry_alarm_{*this, queue_alarm::of::waiting};
};

}  // namespace troupe::detail
