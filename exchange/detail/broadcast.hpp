#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/actors/address.hpp>
#include <troupe/actors/stream_reader.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/exchange/binding.hpp>
#include <troupe/exchange/detail/backlog.hpp>
#include <troupe/exchange/detail/retained.hpp>
#include <troupe/exchange/publish_result.hpp>

namespace troupe::detail {

class broadcast_base;

/// A subscriber's place in a log.
class broadcast_reader_base : public binding, public stream_reader {
public:
  using binding::binding;

  bool arm() noexcept override;
  void left(cell& c) noexcept override { c.stream_removed(*this); }
  void news() noexcept override { armed_ = false; }
  bool at_mark() const noexcept override { return !placed_.load(acquire) || position() == mark_; }
  delivery_account* account() const noexcept override { return gate.account; }
  std::uint64_t deliveries() const noexcept override { return placed_.load(acquire) ? position() - start_ : 0; }
  std::optional<std::uint64_t> lag(std::uint64_t& bytes) const noexcept override;

protected:
  friend class broadcast_base;

  std::uint64_t position() const noexcept { return position_.load(relaxed); }

  // What each message needs comes last, and behind it in the derived class.
  std::shared_ptr<broadcast_base> log_;
  std::uint64_t start_ = 0;                       // its first position
  broadcast_reader_base* next_waiter_ = nullptr;  // under the log's mutex
  bool detached_ = false;                         // under the log's mutex
  atomic<bool> placed_{false};                    // set once, when all else is: release pairs with acquire by the slice
  bool armed_ = false;                            // the slice's: on the log's list of waiters, or news is on its way
  atomic<std::uint64_t> position_{0};             // the next to read; the slice's, and others count by it
  std::uint64_t mark_ = 0;                        // the slice's
};

/// The part of a log that does not depend on the type of its messages.
class broadcast_base : public std::enable_shared_from_this<broadcast_base> {
public:
  broadcast_base() = default;
  broadcast_base(const broadcast_base&) = delete;
  broadcast_base& operator=(const broadcast_base&) = delete;
  virtual ~broadcast_base() = default;

  /// The reader gets what is appended from now on. Throws `std::bad_alloc`, and has not attached it then.
  void attach(broadcast_reader_base& r);

  /// The reader gets no more; returns how many it has not read. Its gate is closed, or its actor has ended.
  std::uint64_t detach(broadcast_reader_base& r) noexcept;

  /// From now on the log keeps messages: before it is used. `kept` lives as long as the log.
  void keep_in(retained& kept) noexcept;
  /// The subscriber has a backlog and reads that; it begins with what is kept, as its options say. Throws
  /// `std::bad_alloc`, and has not added it then.
  void add_backlog(binding& b, std::int64_t now, publish_aftermath& after);
  void remove_backlog(binding& b) noexcept;
  /// Whether there are any, and whether one of them wants keys; a moment's truth.
  bool has_backlogs() const noexcept { return has_backlogs_.load(relaxed); }
  bool conflates() const noexcept { return conflates_.load(relaxed); }
  /// Calls `look(binding&)` for each, under the lock of the log.
  template <class Look>
  void for_each_backlog(Look look) {
    std::lock_guard guard(mutex_);
    for (binding* b : backlogs_) look(*b);
  }

  /// The reader of the backlog comes for the next message (BL7): it sees all, and `guard`, that of the backlog, is left
  /// locked. Any thread.
  void end_deferral(backlog_base& b, std::unique_lock<spin_lock>& guard) noexcept;
  /// Under the lock of the log: where a message is that stays for a backlog; and that message, and on to the next.
  struct cursor {
    void* segment = nullptr;
    std::uint32_t index = 0;
  };
  virtual cursor cursor_at(std::uint64_t position) noexcept = 0;
  virtual boxed_message next(cursor& c) noexcept = 0;

  /// How many messages have been appended.
  std::uint64_t end() const noexcept { return end_.load(acquire); }

  /// What has been published here: to how many readers, and how often there was none.
  struct figures {
    std::uint64_t published = 0;
    std::uint64_t routed = 0;
  };
  figures published() const noexcept { return {end() + unread_.load(relaxed), routed_.load(relaxed)}; }
  /// Under the lock of the log: what is kept.
  std::mutex& mutex() noexcept { return mutex_; }
  virtual std::size_t message_size() const noexcept = 0;

protected:
  friend class broadcast_reader_base;

  virtual void make_room() = 0;                                               // for `place`; under mutex_
  virtual void place(broadcast_reader_base& r) noexcept = 0;                  // at the end; under mutex_
  virtual void skip(broadcast_reader_base& r, std::uint64_t n) noexcept = 0;  // the n that it has not read

  // BL7; under mutex_.
  using deferral = backlog_base::deferral;
  virtual void let_stay() noexcept = 0;  // what comes from now on
  virtual void let_go() noexcept = 0;    // nothing is to stay
  std::uint32_t& how_many(deferral d) noexcept { return how_many_[static_cast<std::size_t>(d)]; }
  std::uint32_t how_many(deferral d) const noexcept { return how_many_[static_cast<std::size_t>(d)]; }
  /// For how many backlogs messages stay, and how many do something else with them without seeing them.
  std::uint32_t staying() const noexcept { return how_many(deferral::keeps) + how_many(deferral::conflates); }
  std::uint32_t deferred() const noexcept {
    return staying() + how_many(deferral::drops) + how_many(deferral::refuses);
  }
  void change(backlog_base& b, deferral from, deferral to) noexcept;
  void see_all() noexcept;
  std::uint64_t next_turn(std::size_t turns) noexcept;
  /// Of one message: what becomes of it, or of another one in its place.
  void count_deferred(core& k) const noexcept;

  /// The reader has read everything and wants news; under mutex_.
  void add_waiter(broadcast_reader_base& r) noexcept {
    r.armed_ = true;
    r.next_waiter_ = nullptr;
    *waiters_end_ = &r;
    waiters_end_ = &r.next_waiter_;
  }

  /// Takes the readers that wait for news; under mutex_. Then, without it, tells them.
  broadcast_reader_base* take_waiters() noexcept {
    waiters_end_ = &waiters_;
    return std::exchange(waiters_, nullptr);
  }
  static void tell(broadcast_reader_base* waiters) noexcept;

  std::mutex mutex_;
  atomic<std::uint64_t> end_{0};      // messages appended; release under mutex_ pairs with acquire by readers
  atomic<std::uint64_t> routed_{0};   // times that a reader is to read one; written under mutex_
  atomic<std::uint64_t> unread_{0};   // messages published without readers; written under mutex_
  std::uint32_t readers_ = 0;         // under mutex_
  atomic<bool> has_backlogs_{false};  // written under mutex_, as the next two
  atomic<bool> conflates_{false};
  std::vector<binding*> backlogs_;
  retained* kept_ = nullptr;  // null: nothing is kept
  // BL7; under mutex_.
  std::array<std::uint32_t, backlog_base::deferrals> how_many_{};  // backlogs
  intrusive_list<backlog_base> in_turn_;                           // those whose messages stay, by `deferred_from`
  std::size_t turns_owed_ = 0;                                     // each turn adds their number
  // Those who have read everything, in the order in which they have; under mutex_.
  broadcast_reader_base* waiters_ = nullptr;
  broadcast_reader_base** waiters_end_ = &waiters_;
};

inline bool broadcast_reader_base::arm() noexcept {
  // Armed, news of what is unread may be on its way: there is no need to stay awake for it, but no harm in reading on.
  if (!placed_.load(acquire) || !gate.is_open()) return true;  // attaching arms it
  if (armed_) return position() == log_->end();
  std::lock_guard guard(log_->mutex_);
  if (detached_) return true;
  if (position() != log_->end_.load(relaxed)) return false;
  log_->add_waiter(*this);
  return true;
}

/// What a fanout exchange has published: one copy of each message, in segments, and a place in them for each
/// subscriber. Publishing costs the same however many subscribers are busy; only those that had read everything are
/// told. The idea is the Disruptor's (Thompson et al. 2011) and that of Tokio's broadcast channel, without a bound: a
/// segment lives until the slowest reader has left it.
///
/// B1. A segment is referenced by the log while it is the last, by each reader that stands in it, by each handler that
///     has taken a message of it over, and by its predecessor. So readers keep alive what they have yet to read, and
///     nothing else.
/// B2. Messages [0, end_) are constructed before `end_` says so, and not changed afterwards.
/// B3. A message with a destructor counts those who have yet to read it, and the last destroys it; one without stays
///     until its segment goes. So a reader that has read a message holds no resources of it.
/// B4. Backlogs keep messages longer than readers do, so theirs are in boxes. One that is counted (B3) is in the box
///     for all, and its slot refers to that; one that costs nothing to copy is in its slot and in the box.
/// B5. While messages stay for backlogs (BL7) the log references the first segment that one of them has not seen to
///     its end. With each segment that begins a part of the backlogs see what has passed, so that each does before
///     there are too many, and no publisher waits for all of them (C9).
template <class M>
class broadcast_log final : public broadcast_base {
  // Whether it can be put into its slot under the lock: users' code would not be for there.
  static constexpr bool moves_quietly = std::is_nothrow_move_constructible_v<M>;
  static constexpr bool counted =
      !std::is_trivially_destructible_v<M> || !std::is_copy_constructible_v<M> || !moves_quietly;
  using box = shared_message<M>;

  struct plain_slot {
    alignas(M) std::byte storage[sizeof(M)];

    const M& message() noexcept { return *std::launder(reinterpret_cast<M*>(storage)); }
    void fill(M&& m, std::uint32_t) { new (storage) M(std::move(m)); }
    void release() noexcept {}
  };

  struct counted_slot {
    alignas(M) alignas(box*) std::byte storage[std::max(sizeof(M), sizeof(box*))];
    atomic<std::uint32_t> unread;
    bool boxed;  // B4

    M& own() noexcept { return *std::launder(reinterpret_cast<M*>(storage)); }
    box& shared() noexcept { return **std::launder(reinterpret_cast<box**>(storage)); }
    const M& message() noexcept { return boxed ? shared().message : own(); }
    void fill(M&& m, std::uint32_t readers) {
      new (storage) M(std::move(m));
      boxed = false;
      unread.store(readers, relaxed);
    }
    void fill(box& b, std::uint32_t readers) noexcept {
      new (storage) box*(&b);
      boxed = true;
      unread.store(readers, relaxed);
    }
    void release() noexcept {
      if (unread.fetch_sub(1, acq_rel) != 1) return;
      if (boxed)
        shared().release();
      else
        own().~M();
    }
  };
  using slot = std::conditional_t<counted, counted_slot, plain_slot>;

  // A segment fills its size class: the smallest power of two that holds 32 messages, but no more than 4 KiB while four
  // fit in that.
  static constexpr std::uint32_t slots = [] {
    constexpr std::size_t header = std::max<std::size_t>(16, alignof(slot));
    auto fitting = [](std::size_t bytes) { return bytes > header ? (bytes - header) / sizeof(slot) : 0; };
    std::size_t bytes = 1024;
    while (bytes < 4096 && fitting(bytes) < 32) bytes *= 2;
    return static_cast<std::uint32_t>(std::max<std::size_t>(fitting(bytes), 4));
  }();

  struct segment : pooled {
    atomic<std::uint32_t> refs{1};
    atomic<segment*> next{nullptr};  // set once, before end_ passes into it
    slot entries[slots];

    static void release(segment* s) noexcept {
      while (s && s->refs.fetch_sub(1, acq_rel) == 1) {
        segment* next = s->next.load(relaxed);
        delete s;
        s = next;
      }
    }
  };
  static_assert(slots == 4 || sizeof(segment) <= 4096);
  static constexpr std::size_t turns = 14;  // B5: so many segments stay

  // Whether pushes to backlogs may be deferred, and messages stay in the log for them: not large ones, for what stays
  // is beyond the limit of the backlog.
  static constexpr bool may_defer = moves_quietly && !has_bytes_of<M>;
  static constexpr bool may_stay = !counted && std::is_trivially_copyable_v<M> && sizeof(segment) <= 4096;

public:
  class reader final : public broadcast_reader_base {
  public:
    reader(const address<M>& a, std::string k)
        : broadcast_reader_base(a, std::move(k)), call_(a.shared_call()), shared_ops_(a.shared_ops()) {}
    ~reader() override {
      release_held();
      segment::release(at_);
    }

    bool mark() noexcept override {
      release_held();  // the coroutine that it was held for is done
      if (!placed_.load(acquire)) return false;
      mark_ = gate.is_open() ? log_->end() : position();
      return position() != mark_;
    }

    envelope* copy() override {
      if constexpr (std::is_copy_constructible_v<M>) {
        auto* const shared = new shared_message<M>(M(at_->entries[index_ - 1].message()), 1);
        return make_envelope<shared_envelope<M>>(*shared_ops_, *shared, nullptr);
      } else {
        return nullptr;
      }
    }

    held_message hand_over() noexcept override {
      at_->refs.fetch_add(1, relaxed);
      return {[](void* message, void* place) noexcept {
                static_cast<slot*>(message)->release();
                segment::release(static_cast<segment*>(place));
              },
              std::exchange(held_, nullptr), at_};
    }

    const char* message_name() const noexcept override { return type_name<M>(); }

    void read(cell& c, unsigned budget, progress& done) override {
      release_held();
      delivery_gate::passage through(&gate);
      std::uint64_t at = position();  // nobody else moves it
      for (; budget != 0 && at != mark_ && through.holds() && gate.is_open(); --budget) {
        const release_after guard(*this, take());
        position_.store(++at, relaxed);
        done.coroutine = call_(c, guard.taken->message());
        if (done.coroutine) {
          done.gate = &gate;
          return guard.hold();
        }
        ++done.handled;
        if (c.killed() || !c.reads_streams()) return;
      }
      if (!gate.is_open()) mark_ = at;
    }

  private:
    friend class broadcast_log;

    /// Releases the slot when the handler has returned or thrown, but not before a coroutine is done with it.
    struct release_after {
      release_after(reader& r, slot& s) noexcept : self(&r), taken(&s) {}
      release_after(const release_after&) = delete;
      release_after& operator=(const release_after&) = delete;
      ~release_after() {
        if (taken) taken->release();
      }
      void hold() const noexcept { self->held_ = std::exchange(taken, nullptr); }
      reader* self;
      mutable slot* taken;
    };

    slot& take() noexcept {
      if (index_ == slots) {
        segment* next = at_->next.load(acquire);
        next->refs.fetch_add(1, relaxed);
        segment::release(std::exchange(at_, next));
        index_ = 0;
      }
      return at_->entries[index_++];
    }

    void release_held() noexcept {
      if (held_) std::exchange(held_, nullptr)->release();
    }

    root_handle (*call_)(cell&, const M&);
    segment* at_ = nullptr;
    std::uint32_t index_ = 0;
    slot* held_ = nullptr;  // of a handler that is a coroutine; in at_
    const message_ops* shared_ops_;
  };

  broadcast_log() = default;
  ~broadcast_log() override {
    let_go();
    segment::release(last_);
  }

  /// Publishes to all who are attached; returns their number, and leaves the message as it is if there are none. Any
  /// thread.
  std::size_t append(core& k, M&& message) {
    if constexpr (!moves_quietly) return append_boxed(k, std::move(message));
    std::unique_lock lock(mutex_);
    const std::uint32_t n = readers_;
    if (n == 0) {
      bump(unread_);
      return 0;
    }
    if (!backlogs_.empty()) [[unlikely]]
      see_all();  // they have come since the caller has looked
    if (used_ == slots) extend();
    last_->entries[used_].fill(std::move(message), n);
    broadcast_reader_base* waiters = appended(k, n, n);
    lock.unlock();
    if (waiters) tell(waiters);
    return n;
  }

  /// The same if the pushes to all backlogs are deferred (BL7), for little more; else nothing, and leaves the message
  /// as it is. The outcome says whom it is for as of `append_for_all`.
  bool append_past(core& k, M& message, std::string_view routing_key, publish_result& outcome) {
    if constexpr (!may_defer) return false;
    if (kept_ || k.watched()) return false;
    broadcast_reader_base* waiters = nullptr;
    {
      std::lock_guard lock(mutex_);
      const std::uint32_t n = readers_;
      if (how_many(deferral::none) != 0 || !is_read() || !fits_deferral(routing_key)) return false;
      if (used_ == slots) [[unlikely]]
        extend();
      outcome = {n + staying(), how_many(deferral::refuses)};
      last_->entries[used_].fill(std::move(message), n);
      waiters = appended(k, n, n + staying() + how_many(deferral::drops));
      count_deferred(k);
    }
    if (waiters) tell(waiters);
    return true;
  }

  struct appended_to {
    publish_result outcome;
    std::size_t reached;  ///< those whom it was for, whether they get it or not
  };

  /// The same where some have backlogs, or messages are kept.
  appended_to append_for_all(core& k, M&& message, std::string_view routing_key) {
    const std::int64_t now = kept_ ? k.scheduler().now() : 0;
    const std::size_t bytes = bytes_for(message);
    std::optional<std::string> key;
    if (kept_ || conflates()) key = conflation_key(message, routing_key);
    publish_aftermath after;
    // What is no more than its bytes is copied under the lock, if anybody wants it; user code would not be for there.
    constexpr bool can_wait = std::is_trivially_copyable_v<M>;
    boxed_message boxed;
    if constexpr (counted)
      boxed.box = new box(std::move(message), 0);
    else if (!can_wait || kept_)
      boxed.box = new box(M(message), 0);
    std::unique_ptr<box> nobodys;  // destroyed when the lock is free
    broadcast_reader_base* waiters = nullptr;
    std::size_t receivers = 0, reached = 0;
    {
      std::unique_lock lock(mutex_);
      if (conflates_.load(relaxed) && !key) {  // one who wants it came just now
        lock.unlock();
        key = conflation_key(boxed.box ? static_cast<box*>(boxed.box)->message : message, routing_key);
        lock.lock();
      }
      const std::uint32_t n = readers_;
      // Those who watch losses are told of each when it happens.
      if (!is_read() || !fits_deferral(routing_key) || k.watched()) see_all();
      try {
        if (is_read() && used_ == slots) extend();
      } catch (...) {
        nobodys.reset(static_cast<box*>(boxed.box));
        throw;
      }
      if (may_stay && !last_ && !kept_ && !k.watched() && some_are_behind()) begin_log();
      boxed.left = how_many(deferral::none);
      if constexpr (can_wait) {
        if (!boxed.box) boxed = boxed_message::later(std::as_const(message), boxed.left);
      }
      auto* const shared = static_cast<box*>(boxed.box);
      // Each of those that it goes to gets its reference before any of them can give it up.
      const std::uint32_t refs = boxed.left + (counted && n != 0 ? 1 : 0) + (kept_ ? 1 : 0);
      if (shared) shared->refs.store(refs, relaxed);
      if (is_read()) {
        if constexpr (counted)
          last_->entries[used_].fill(*shared, n);
        else
          last_->entries[used_].fill(std::move(message), n);
        waiters = appended(k, n, n + staying() + how_many(deferral::drops));
        count_deferred(k);
        after.refused = how_many(deferral::refuses);
      } else {
        bump(unread_);
      }
      if (refs == 0) nobodys.reset(shared);
      receivers = n + staying();
      reached = n + backlogs_.size();
      bool to_be_kept = kept_ != nullptr;
      try {
        if (to_be_kept) kept_->add(shared, routing_key, *key, bytes, now, after);
        to_be_kept = false;
        for (binding* b : backlogs_) {
          if (b->backlog->deferred() == deferral::none &&
              b->backlog->push(boxed, *b, bytes, key ? &*key : nullptr, after))
            ++receivers;
        }
      } catch (const std::bad_alloc&) {
        if (boxed.box) {
          for (boxed.left += to_be_kept ? 1 : 0; boxed.left != 0; --boxed.left) static_cast<box*>(boxed.box)->release();
        }
        tell(waiters);
        throw;
      }
      if constexpr (may_defer) {
        if (!kept_ && !k.watched()) defer_where_lost(bytes, are_alike(routing_key));
      }
    }
    tell(waiters);
    return {{receivers, after.refused}, reached};
  }

private:
  /// A message has been pushed to all backlogs: from now on those that have lost one for it are passed by; under
  /// mutex_.
  void defer_where_lost(std::size_t bytes, bool alike) noexcept {
    if (!may_stay && readers_ == 0) return;
    for (binding* b : backlogs_) {
      if (b->backlog->deferred() == deferral::none && b->backlog->is_behind())
        change(*b->backlog, deferral::none, b->backlog->begin_deferral(*b, bytes, may_stay && last_, alike));
    }
  }

  /// So that pushes can be deferred; they are not where there is no memory for it. Under mutex_.
  void begin_log() noexcept {
    try {
      extend();
    } catch (const std::bad_alloc&) {
    }
  }

  /// Messages may soon have to stay; under mutex_.
  bool some_are_behind() const noexcept {
    return std::any_of(backlogs_.begin(), backlogs_.end(), [](const binding* b) { return b->backlog->is_behind(); });
  }

  /// What is published goes into the log; under mutex_.
  bool is_read() const noexcept { return readers_ != 0 || (may_stay && deferred() != 0); }

  /// Whether all messages have the same key for those who conflate.
  static bool are_alike(std::string_view routing_key) noexcept { return !has_conflation_key<M> && routing_key.empty(); }
  /// Those who conflate what passes them by can do so with this one; under mutex_.
  bool fits_deferral(std::string_view routing_key) const noexcept {
    return how_many(deferral::conflates) == 0 || are_alike(routing_key);
  }

  void let_stay() noexcept override {
    last_->refs.fetch_add(1, relaxed);
    staying_ = last_;
    staying_from_ = end_.load(relaxed) - used_;
  }

  void let_go() noexcept override { segment::release(std::exchange(staying_, nullptr)); }

  cursor cursor_at(std::uint64_t position) noexcept override {
    segment* in = staying_;
    std::uint64_t i = position - staying_from_;
    for (; i >= slots; i -= slots) in = in->next.load(relaxed);
    return {in, static_cast<std::uint32_t>(i)};
  }

  boxed_message next(cursor& c) noexcept override {
    if constexpr (may_stay) {
      auto* in = static_cast<segment*>(c.segment);
      if (c.index == slots) c = {in = in->next.load(relaxed), 0};
      return boxed_message::later(in->entries[c.index++].message(), 1);
    } else {
      return {};
    }
  }

  /// As `append`, of one whose move is users' code: it is made into a box first.
  std::size_t append_boxed(core& k, M&& message) {
    {
      std::lock_guard lock(mutex_);
      if (readers_ == 0) {
        bump(unread_);
        return 0;
      }
    }
    auto shared = std::make_unique<box>(std::move(message), 1);
    std::unique_lock lock(mutex_);
    const std::uint32_t n = readers_;
    if (n == 0) {  // they have gone meanwhile: it was for them, and they do not get it
      bump(unread_);
      return 1;
    }
    if (used_ == slots) extend();
    last_->entries[used_].fill(*shared.release(), n);
    broadcast_reader_base* waiters = appended(k, n, n);
    lock.unlock();
    if (waiters) tell(waiters);
    return n;
  }

  /// The slot of a message has been filled for n readers, and it is sent to so many in all; under mutex_. Returns who
  /// is to be told.
  broadcast_reader_base* appended(core& k, std::uint32_t n, std::uint32_t sent) noexcept {
    ++used_;
    k.count(&core::counters::sent, sent);  // before anybody can count it as handled
    bump(routed_, std::uint64_t{n});
    end_.store(end_.load(relaxed) + 1, release);
    return take_waiters();
  }

  void extend() {
    auto* fresh = new segment;
    if (last_) {
      fresh->refs.store(2, relaxed);  // the log's, and the predecessor's
      last_->next.store(fresh, release);
      segment::release(last_);
    }
    last_ = fresh;
    used_ = 0;
    if (!staying_) return;
    for (const std::uint64_t first = next_turn(turns); staying_from_ + slots <= first; staying_from_ += slots) {
      segment* const next = staying_->next.load(relaxed);
      next->refs.fetch_add(1, relaxed);
      segment::release(std::exchange(staying_, next));
    }
  }

  void make_room() override {
    if (!last_) extend();
  }

  std::size_t message_size() const noexcept override { return sizeof(M); }

  void place(broadcast_reader_base& base) noexcept override {
    auto& r = static_cast<reader&>(base);
    last_->refs.fetch_add(1, relaxed);
    r.at_ = last_;
    r.index_ = used_;
  }

  void skip(broadcast_reader_base& base, std::uint64_t n) noexcept override {
    if constexpr (counted) {
      // The reader stays where it stands: its actor may be in a handler with the message that it took last. What
      // follows `at_` is kept alive by it (B1).
      auto& r = static_cast<reader&>(base);
      segment* in = r.at_;
      std::uint32_t i = r.index_;
      for (; n != 0; --n) {
        if (i == slots) {
          in = in->next.load(acquire);
          i = 0;
        }
        in->entries[i++].release();
      }
    }
  }

  segment* last_ = nullptr;         // under mutex_
  std::uint32_t used_ = slots;      // slots of last_ in use; under mutex_
  segment* staying_ = nullptr;      // B5; null: nothing stays; under mutex_
  std::uint64_t staying_from_ = 0;  // the position of its first message
};

}  // namespace troupe::detail
