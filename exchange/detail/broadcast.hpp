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

  /// The backlog lags, and its reader comes for the next message (BL7). Any thread.
  void catch_up(backlog_base& b) noexcept;
  /// Under the lock of the log: one of those that stay for a backlog that lags.
  virtual boxed_message message_at(std::uint64_t position) noexcept = 0;

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
  using lagging = backlog_base::lagging;
  virtual void let_stay() noexcept = 0;  // what comes from now on
  virtual void let_go() noexcept = 0;    // nothing is to stay
  void lags(lagging how) noexcept;
  void lags_no_more(backlog_base& b) noexcept;
  void all_catch_up() noexcept;

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
  // How many backlogs do not lag, and how many do in one way or the other (BL7); under mutex_.
  std::uint32_t awake_ = 0;
  std::uint32_t staying_for_ = 0;  // keeping and conflating
  std::uint32_t conflating_ = 0;
  std::uint32_t dropping_ = 0;
  std::uint32_t refusing_ = 0;
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
/// B5. While a backlog lags the log references its segments from the one in which that began, up to a number of them:
///     when there are so many, all backlogs see what has passed (BL7).
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
  static constexpr std::size_t most_recent = 16;

  // Whether backlogs may lag, and messages stay in the log for them.
  static constexpr bool may_lag = moves_quietly && !has_bytes_of<M>;
  static constexpr bool may_stay = !counted && std::is_trivially_copyable_v<M>;

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
    if (awake_ != backlogs_.size()) [[unlikely]]
      all_catch_up();  // they have come, and lag, since the caller has looked
    if (used_ == slots) extend();
    last_->entries[used_].fill(std::move(message), n);
    broadcast_reader_base* waiters = appended(k, n, n);
    lock.unlock();
    if (waiters) tell(waiters);
    return n;
  }

  /// The same if all who have backlogs lag (BL7), for little more; else nothing, and leaves the message as it is. The
  /// outcome says whom it is for as of `append_for_all`.
  bool append_past(core& k, M& message, std::string_view routing_key, publish_result& outcome) {
    if constexpr (!may_lag) return false;
    if (kept_ || k.watched()) return false;
    broadcast_reader_base* waiters = nullptr;
    {
      std::lock_guard lock(mutex_);
      const std::uint32_t n = readers_;
      if (awake_ != 0 || !is_read() || (conflating_ != 0 && !are_alike(routing_key))) return false;
      if (used_ == slots) [[unlikely]] {
        extend();
        if (awake_ != 0) return false;  // there was no room for what stays
      }
      outcome = {n + staying_for_, refusing_};
      last_->entries[used_].fill(std::move(message), n);
      waiters = appended(k, n, n + staying_for_ + dropping_);
      if (refusing_ != 0) [[unlikely]]
        k.count(&core::counters::refused, refusing_);
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
    const bool alike = are_alike(routing_key);
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
      if (!is_read() || (conflating_ != 0 && !alike)) all_catch_up();
      try {
        if (is_read() && used_ == slots) extend();
      } catch (...) {
        nobodys.reset(static_cast<box*>(boxed.box));
        throw;
      }
      boxed.left = awake_;
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
        waiters = appended(k, n, n + staying_for_ + dropping_);
        if (refusing_ != 0) k.count(&core::counters::refused, refusing_);
        after.refused = refusing_;
      } else {
        bump(unread_);
      }
      if (refs == 0) nobodys.reset(shared);
      receivers = n + staying_for_;
      reached = n + backlogs_.size();
      bool to_be_kept = kept_ != nullptr;
      try {
        if (to_be_kept) kept_->add(shared, routing_key, *key, bytes, now, after);
        to_be_kept = false;
        for (binding* b : backlogs_) {
          if (b->backlog->lag() == lagging::no && b->backlog->push(boxed, *b, bytes, key ? &*key : nullptr, after))
            ++receivers;
        }
      } catch (const std::bad_alloc&) {
        if (boxed.box) {
          for (boxed.left += to_be_kept ? 1 : 0; boxed.left != 0; --boxed.left) static_cast<box*>(boxed.box)->release();
        }
        tell(waiters);
        throw;
      }
      if constexpr (may_lag) {
        if (!kept_) look_who_lags(bytes, alike);
      }
    }
    tell(waiters);
    return {{receivers, after.refused}, reached};
  }

private:
  /// A message has been pushed to all backlogs: which of them lose what comes now. Under mutex_.
  void look_who_lags(std::size_t bytes, bool alike) noexcept {
    if (!may_stay && readers_ == 0) return;
    for (binding* b : backlogs_) {
      if (b->backlog->lag() == lagging::no && b->backlog->is_behind())
        lags(b->backlog->begin_lag(*this, *b, bytes, may_stay && last_, alike));
    }
  }

  /// What is published goes into the log; under mutex_.
  bool is_read() const noexcept { return readers_ != 0 || (may_stay && staying_for_ + dropping_ + refusing_ != 0); }

  /// Whether all messages have the same key for those who conflate.
  static bool are_alike(std::string_view routing_key) noexcept { return !has_conflation_key<M> && routing_key.empty(); }

  void let_stay() noexcept override {
    last_->refs.fetch_add(1, relaxed);
    recent_[0] = last_;
    recent_count_ = 1;
    recent_from_ = end_.load(relaxed) - used_;
  }

  boxed_message message_at(std::uint64_t position) noexcept override {
    const std::uint64_t i = position - recent_from_;
    if constexpr (may_stay)
      return boxed_message::later(recent_[i / slots]->entries[i % slots].message(), 1);
    else
      return {};
  }

  void let_go() noexcept override {
    for (; recent_count_ != 0; --recent_count_) segment::release(recent_[recent_count_ - 1]);
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
    if (recent_count_ == most_recent) all_catch_up();
    auto* fresh = new segment;
    if (last_) {
      fresh->refs.store(2, relaxed);  // the log's, and the predecessor's
      last_->next.store(fresh, release);
      segment::release(last_);
    }
    last_ = fresh;
    used_ = 0;
    if (recent_count_ == 0) return;
    fresh->refs.fetch_add(1, relaxed);
    recent_[recent_count_++] = fresh;
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

  segment* last_ = nullptr;     // under mutex_
  std::uint32_t used_ = slots;  // slots of last_ in use; under mutex_
  // B5; under mutex_
  std::array<segment*, most_recent> recent_{};
  std::size_t recent_count_ = 0;
  std::uint64_t recent_from_ = 0;  // the position of the first message of the first of them
};

}  // namespace troupe::detail
