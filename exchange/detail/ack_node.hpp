#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <troupe/actors/mailbox.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/exchange/confirm.hpp>
#include <troupe/exchange/queue.hpp>

namespace troupe::detail {

class ack_member_base;

/// A message of a queue, from its publishing until it has been answered for.
///
/// D1. One reference is the queue's: it goes with the last answer. One more has each delivery that may outlast that: a
///     coroutine at work on the message, a `delivery`, a handler whose message was taken back.
struct ack_node : pooled, list_hook<> {
  virtual ~ack_node() = default;

  void retain() noexcept { refs.fetch_add(1, relaxed); }
  void release() noexcept {
    // Whoever has the last reference needs no exchange: nobody else can add one.
    if (refs.load(acquire) == 1 || refs.fetch_sub(1, acq_rel) == 1) delete this;
  }

  atomic<std::uint32_t> refs{1};      // D1
  atomic<std::uint32_t> returned{0};  // deliveries that have begun and come back; written under the queue's lock
  std::uint32_t delivery = 0;         // number of the present one; an answer with another is late; under the lock
  std::uint8_t level = 0;             // its priority
  bool by_hand = false;               // held by a `delivery`; under the lock
  dead_reason reason = dead_reason::rejected;  // of a dead letter
  ack_node* next = nullptr;                    // in one of the lists below
  ack_member_base* holder = nullptr;  // whose credit it takes while it is in the queue's list of those held; under the
                                      // lock
  confirmation* confirm = nullptr;    // who is told what becomes of it
  std::int64_t expires = never;       // when it has waited for too long
  std::int64_t due = never;           // when the answer of who holds it must have come; under the lock
  static constexpr std::int64_t never = INT64_MAX;
};

template <class M>
struct ack_node_of final : ack_node {
  explicit ack_node_of(M&& m) : message(std::move(m)) {
    level = static_cast<std::uint8_t>(priority_for(message).level());
  }
  M message;
};

/// Tells confirmations what became of messages that come one after another, those of one together.
class settlement {
public:
  explicit settlement(const error* why) noexcept : why_(why) {}
  settlement(const settlement&) = delete;
  settlement& operator=(const settlement&) = delete;
  ~settlement() { tell(); }

  void add(ack_node& n) noexcept {
    if (n.confirm != whose_) {
      tell();
      whose_ = n.confirm;
      count_ = 0;
    }
    ++count_;
  }

private:
  void tell() noexcept {
    if (whose_) whose_->settled(count_, why_);
  }

  const error* const why_;
  confirmation* whose_ = nullptr;
  std::size_t count_ = 0;
};

/// Messages in the order in which they came back.
class node_list {
public:
  bool empty() const noexcept { return !first_; }
  ack_node* first() const noexcept { return first_; }
  void push_front(ack_node& n) noexcept {
    n.next = first_;
    if (!first_) last_ = &n;
    first_ = &n;
  }
  void push_back(ack_node& n) noexcept {
    n.next = nullptr;
    (first_ ? last_->next : first_) = &n;
    last_ = &n;
  }
  ack_node* pop_front() noexcept {
    ack_node* const n = first_;
    if (n) first_ = n->next;
    return n;
  }

private:
  ack_node* first_ = nullptr;
  ack_node* last_ = nullptr;
};

/// Messages that wait in one level, as pointers in chunks: so whoever takes a batch of them reads a few lines of
/// memory, not each message. What came back stands before them in a list, which takes no memory.
class waiting_level {
  static constexpr std::uint32_t room = 62;
  struct chunk : pooled {
    chunk* next = nullptr;
    std::array<ack_node*, room> nodes;
  };

public:
  waiting_level() = default;
  waiting_level(const waiting_level&) = delete;
  waiting_level& operator=(const waiting_level&) = delete;
  ~waiting_level() { delete first_; }

  bool empty() const noexcept { return returned_.empty() && count_ == 0; }

  /// Throws `std::bad_alloc`.
  void push_back(ack_node& n) {
    if (!last_ || end_ == room) {
      auto* fresh = new chunk;
      (last_ ? last_->next : first_) = fresh;
      last_ = fresh;
      end_ = 0;
    }
    last_->nodes[end_++] = &n;
    ++count_;
  }
  void push_front(ack_node& n) noexcept { returned_.push_front(n); }

  /// The first; it must not be empty.
  const ack_node& front() const noexcept { return returned_.empty() ? *first_->nodes[begin_] : *returned_.first(); }
  ack_node* pop_front() noexcept {
    if (ack_node* n = returned_.pop_front()) return n;
    ack_node* const n = first_->nodes[begin_++];
    --count_;
    if (first_ == last_) {
      if (count_ == 0) begin_ = end_ = 0;  // the last chunk stays
    } else if (begin_ == room) {
      chunk* const used = std::exchange(first_, first_->next);
      delete used;
      begin_ = 0;
    }
    return n;
  }

private:
  node_list returned_;
  chunk* first_ = nullptr;
  chunk* last_ = nullptr;
  std::uint32_t begin_ = 0;  // in first_
  std::uint32_t end_ = 0;    // in last_
  std::size_t count_ = 0;    // in chunks
};

/// All that wait in a queue.
class waiting_nodes {
public:
  std::size_t size() const noexcept { return size_; }

  /// Throws `std::bad_alloc`.
  void push_back(ack_node& n) {
    levels_[n.level].push_back(n);
    used_ |= std::uint32_t{1} << n.level;
    ++size_;
  }
  void push_front(ack_node& n) noexcept {
    levels_[n.level].push_front(n);
    used_ |= std::uint32_t{1} << n.level;
    ++size_;
  }
  /// The most urgent one; there must be some.
  ack_node* pop_front() noexcept { return pop_from(static_cast<unsigned>(std::countr_zero(used_))); }
  /// The oldest of the least urgent ones; there must be some.
  ack_node* pop_least() noexcept { return pop_from(static_cast<unsigned>(std::bit_width(used_) - 1)); }
  /// The first one of any level whose time is over; null: none.
  ack_node* pop_expired(std::int64_t now) noexcept {
    for (std::uint32_t left = used_; left != 0; left &= left - 1) {
      const auto level = static_cast<unsigned>(std::countr_zero(left));
      if (levels_[level].front().expires <= now) return pop_from(level);
    }
    return nullptr;
  }
  /// When the time of the first of a level is over.
  std::int64_t next_expiry() const noexcept {
    std::int64_t next = ack_node::never;
    for (std::uint32_t left = used_; left != 0; left &= left - 1)
      next = std::min(next, levels_[static_cast<unsigned>(std::countr_zero(left))].front().expires);
    return next;
  }

private:
  ack_node* pop_from(unsigned level) noexcept {
    ack_node* const n = levels_[level].pop_front();
    if (levels_[level].empty()) used_ &= ~(std::uint32_t{1} << level);
    --size_;
    return n;
  }

  std::array<waiting_level, priority::levels> levels_;
  std::uint32_t used_ = 0;  // a bit for each level that is not empty
  std::size_t size_ = 0;
  static_assert(priority::levels <= 32);
};

}  // namespace troupe::detail
