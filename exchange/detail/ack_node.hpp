#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <troupe/actors/mailbox.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/exchange/confirm.hpp>
#include <troupe/exchange/queue.hpp>

namespace troupe::detail {

class ack_member_base;

/// Where and why a message became a dead letter.
struct death {
  std::string queue;
  dead_reason why;
};
using deaths = std::vector<death>;

/// A message of a queue, from its publishing until it has been answered for.
///
/// D1. One reference is the queue's: it goes with the last answer. One more has each delivery that may outlast that: a
///     coroutine at work on the message, a `delivery`, a handler whose message was taken back.
struct ack_node : pooled, list_hook<> {
  virtual ~ack_node() = default;
  /// As what it was published, the first first; null: it was no dead letter.
  virtual const deaths* died() const noexcept { return nullptr; }

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
  bool was_dead = false;                       // `died` has something to say
  ack_node* next = nullptr;                    // in one of the lists below
  ack_member_base* holder = nullptr;  // whose credit it takes while it is in the queue's list of those held; under the
                                      // lock
  confirmation* confirm = nullptr;    // who is told what becomes of it
  std::int64_t expires = never;       // when it has waited for too long
  std::int64_t due = never;           // when the answer of who holds it must have come; under the lock
  static constexpr std::int64_t never = INT64_MAX;
};

template <class M>
struct ack_node_of : ack_node {
  explicit ack_node_of(M&& m) : message(std::move(m)) {
    level = static_cast<std::uint8_t>(priority_for(message).level());
  }
  M message;
};

/// A message that was published as a dead letter. Seldom, so that others have no room for its history.
template <class M>
struct letter_node_of final : ack_node_of<M> {
  letter_node_of(M&& m, deaths h) : ack_node_of<M>(std::move(m)), history(std::move(h)) { this->was_dead = true; }
  const deaths* died() const noexcept override { return &history; }
  const deaths history;
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

  /// Gives `each` those whose time is over; the others stay in their order.
  template <class Each>
  void take_expired(std::int64_t now, Each each) noexcept;

private:
  ack_node* first_ = nullptr;
  ack_node* last_ = nullptr;
};

template <class Each>
void node_list::take_expired(std::int64_t now, Each each) noexcept {
  node_list all = std::exchange(*this, {});
  while (ack_node* const n = all.pop_front()) n->expires <= now ? each(*n) : push_back(*n);
}

/// Messages in the order of their coming, as pointers in chunks: so whoever takes a batch of them reads a few lines of
/// memory, not each message.
class node_fifo {
  static constexpr std::uint32_t room = 62;
  struct chunk : pooled {
    chunk* next = nullptr;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::array<ack_node*, room> nodes;
  };

public:
  node_fifo() = default;
  node_fifo(const node_fifo&) = delete;
  node_fifo& operator=(const node_fifo&) = delete;
  ~node_fifo() { delete first_; }

  std::size_t size() const noexcept { return count_; }
  /// It must not be empty.
  ack_node& front() const noexcept { return *first_->nodes[first_->begin]; }

  /// Throws `std::bad_alloc`.
  void push_back(ack_node& n) {
    if (!last_ || last_->end == room) {
      auto* fresh = new chunk;
      (last_ ? last_->next : first_) = fresh;
      last_ = fresh;
    }
    last_->nodes[last_->end++] = &n;
    ++count_;
  }

  /// It must not be empty.
  ack_node* pop_front() noexcept {
    ack_node* const n = first_->nodes[first_->begin++];
    --count_;
    if (first_ == last_) {
      if (count_ == 0) first_->begin = first_->end = 0;  // the last chunk stays
    } else if (first_->begin == first_->end) {
      delete std::exchange(first_, first_->next);
    }
    return n;
  }

  /// All of the other, behind all of this.
  void append(node_fifo&& other) noexcept {
    if (other.count_ == 0) return;
    if (count_ == 0) delete std::exchange(first_, nullptr);
    (first_ ? last_->next : first_) = std::exchange(other.first_, nullptr);
    last_ = std::exchange(other.last_, nullptr);
    count_ += std::exchange(other.count_, 0);
  }

private:
  chunk* first_ = nullptr;
  chunk* last_ = nullptr;
  std::size_t count_ = 0;
};

/// Messages that wait in one level. What came back stands before the others, in a list, which takes no memory.
class waiting_level {
public:
  bool empty() const noexcept { return returned_.empty() && fresh_.size() == 0; }

  /// Throws `std::bad_alloc`.
  void push_back(ack_node& n) { fresh_.push_back(n); }
  void append(node_fifo&& all) noexcept { fresh_.append(std::move(all)); }
  void push_front(ack_node& n) noexcept { returned_.push_front(n); }

  /// Gives `each` those whose time is over. Those that have not come back stand in the order of their times.
  template <class Each>
  void take_expired(std::int64_t now, Each each) noexcept {
    returned_.take_expired(now, each);
    while (fresh_.size() != 0 && fresh_.front().expires <= now) each(*fresh_.pop_front());
  }
  /// When the first time is over.
  std::int64_t next_expiry() const noexcept {
    std::int64_t next = fresh_.size() == 0 ? ack_node::never : fresh_.front().expires;
    for (const ack_node* n = returned_.first(); n; n = n->next) next = std::min(next, n->expires);
    return next;
  }

  /// It must not be empty.
  ack_node* pop_front() noexcept {
    ack_node* const n = returned_.pop_front();
    return n ? n : fresh_.pop_front();
  }

private:
  node_list returned_;
  node_fifo fresh_;
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
  /// All of them are of this level.
  void append(unsigned level, node_fifo&& all) noexcept {
    if (all.size() == 0) return;
    size_ += all.size();
    levels_[level].append(std::move(all));
    used_ |= std::uint32_t{1} << level;
  }
  /// The most urgent one; there must be some.
  ack_node* pop_front() noexcept { return pop_from(static_cast<unsigned>(std::countr_zero(used_))); }
  /// The oldest of the least urgent ones; there must be some.
  ack_node* pop_least() noexcept { return pop_from(static_cast<unsigned>(std::bit_width(used_) - 1)); }
  /// Gives `each` those whose time is over, those of the most urgent level first.
  template <class Each>
  void take_expired(std::int64_t now, Each each) noexcept {
    for (std::uint32_t left = used_; left != 0; left &= left - 1) {
      const auto level = static_cast<unsigned>(std::countr_zero(left));
      levels_[level].take_expired(now, [&](ack_node& n) {
        --size_;
        each(n);
      });
      if (levels_[level].empty()) used_ &= ~(std::uint32_t{1} << level);
    }
  }
  /// When the first time is over.
  std::int64_t next_expiry() const noexcept {
    std::int64_t next = ack_node::never;
    for (std::uint32_t left = used_; left != 0; left &= left - 1)
      next = std::min(next, levels_[static_cast<unsigned>(std::countr_zero(left))].next_expiry());
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
