#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/exchange/detail/ack_node.hpp>

namespace troupe::detail {

/// Where publishers leave messages for a queue, until a consumer comes for them: in lanes, each with a lock of its own,
/// so that those who publish on different workers do not meet, and meet consumers once for many messages.
///
/// QI1. A publisher has one lane, wherever it runs: its messages are taken in their order (C1). Those of others that
///      come at about the same time may overtake them.
/// QI2. A bit of `filled_` says that its lane is not empty; it is changed under the lane's lock.
/// QI3. Whoever leaves a message then looks at `idle_`; whoever goes idle says so there, then looks at `filled_` (all
///      seq_cst). So one of the two sees the other. Who leaves one in a lane that is not empty may rely on whoever left
///      the first.
/// QI4. Lanes are made when they are first used, under `making_`, and none any more once it is closed. A lane that is
///      closed takes nothing.
/// QI5. `waiting_` says how many wait that were taken from here. Whoever takes some raises it before it clears a bit,
///      and whoever asks whether anything waits reads the bits first. So what was published, and is nobody's yet, is
///      seen here or there.
class queue_intake {
  static constexpr unsigned most_lanes = 64;

public:
  /// `crowded`: its publishers may run at the same time. If not there is one lane, and all is taken in its order.
  explicit queue_intake(bool crowded) noexcept : bits_(crowded ? std::countr_zero(most_lanes) : 0) {}
  queue_intake(const queue_intake&) = delete;
  queue_intake& operator=(const queue_intake&) = delete;
  ~queue_intake() {
    for (auto& l : lanes_) delete l.load(relaxed);
  }

  enum class pushed : std::uint8_t {
    closed,
    here,
    here_tell,  ///< and somebody is idle
  };
  /// `taken` is called once it is certain that the message stays, and before anybody can have it. Throws
  /// `std::bad_alloc`. Any thread.
  template <class Taken>
  pushed push(ack_node& n, const void* publisher, Taken taken) {
    const unsigned i = lane_of(publisher);
    lane* mine = lanes_[i].load(acquire);
    if (!mine) [[unlikely]]
      mine = make(i);
    if (!mine) return pushed::closed;
    {
      std::lock_guard guard(mine->lock);
      if (mine->closed) return pushed::closed;
      mine->nodes.push_back(n);
      ++mine->pushed;
      taken();
      if (mine->nodes.size() == 1) filled_.fetch_or(std::uint64_t{1} << i, seq_cst);
    }
    return idle_.load(seq_cst) ? pushed::here_tell : pushed::here;
  }

  /// Nothing is here; a moment's truth, unless QI3 orders it. Any thread.
  bool empty() const noexcept { return filled_.load(seq_cst) == 0; }

  /// Somebody is idle, or nobody is: before the look at what is here. One thread at a time.
  void say_idle(bool somebody) noexcept {
    if (somebody != idle_.load(relaxed)) idle_.store(somebody, seq_cst);
  }

  /// Nothing waits, here or where it was put that was taken from here (QI5); a moment's truth. Any thread.
  bool nothing_waits() const noexcept { return empty() && waiting_.load(acquire) == 0; }

  /// So many wait of those that were taken. One thread at a time.
  void say_waiting(std::size_t n) noexcept { waiting_.store(n, release); }

  /// Takes all that is here: gives `each` what the lanes hold, lane by lane, and then wants to know how many of those
  /// wait. No publisher waits for that longer than for another one. One thread at a time.
  template <class Each>
  void take(Each each) noexcept {
    std::uint64_t filled = filled_.load(acquire);
    if (filled != 0 && waiting_.load(relaxed) == 0) {
      waiting_.store(1, relaxed);  // QI5
    }
    for (; filled != 0; filled &= filled - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(filled));
      lane& from = *lanes_[i].load(acquire);
      node_fifo all;
      {
        std::lock_guard guard(from.lock);
        empty_lane(from, i, all);
      }
      each(std::move(all));
    }
  }

  /// The same, and takes nothing from now on.
  template <class Each>
  void close(Each each) noexcept {
    {
      std::lock_guard guard(making_);
      closed_ = true;
    }
    for (unsigned i = 0; i != lanes(); ++i) {
      lane* const from = lanes_[i].load(acquire);
      if (!from) continue;
      node_fifo all;
      {
        std::lock_guard guard(from->lock);
        from->closed = true;
        empty_lane(*from, i, all);
      }
      each(std::move(all));
    }
  }

  /// How many wait here now. Any thread.
  std::size_t size() const noexcept {
    return sum([](const lane& l) { return l.nodes.size(); });
  }
  /// How many have come here so far. Any thread.
  std::uint64_t pushed_so_far() const noexcept {
    return sum([](const lane& l) { return l.pushed; });
  }

private:
  struct alignas(cache_line) lane {
    spin_lock lock;
    bool closed = false;
    node_fifo nodes;
    std::uint64_t pushed = 0;
  };

  unsigned lanes() const noexcept { return 1u << bits_; }

  /// The finalizer of MurmurHash3 (Appleby): addresses of actors differ by multiples of their size.
  unsigned lane_of(const void* publisher) const noexcept {
    if (bits_ == 0) return 0;
    std::uint64_t x = reinterpret_cast<std::uintptr_t>(publisher);
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
    return static_cast<unsigned>(x >> (64 - bits_));
  }

  /// Null once it is closed.
  [[gnu::noinline]] lane* make(unsigned i) {
    auto fresh = std::make_unique<lane>();
    std::lock_guard guard(making_);
    if (closed_) return nullptr;
    lane* const there = lanes_[i].load(relaxed);
    if (there) return there;
    lanes_[i].store(fresh.get(), release);
    return fresh.release();
  }

  void empty_lane(lane& from, unsigned i, node_fifo& all) noexcept {
    if (from.nodes.size() == 0) return;
    all.append(std::move(from.nodes));
    filled_.fetch_and(~(std::uint64_t{1} << i), seq_cst);
  }

  template <class Of>
  std::uint64_t sum(Of of) const noexcept {
    std::uint64_t n = 0;
    for (unsigned i = 0; i != lanes(); ++i)
      if (lane* const l = lanes_[i].load(acquire)) {
        std::lock_guard guard(l->lock);
        n += of(*l);
      }
    return n;
  }

  const int bits_;
  std::array<atomic<lane*>, most_lanes> lanes_{};  // set once: release, with acquire by whoever uses it
  spin_lock making_;
  bool closed_ = false;                           // under making_
  alignas(cache_line) atomic<bool> idle_{false};  // QI3; on a line that is seldom written
  alignas(cache_line) atomic<std::uint64_t> filled_{0};
  // QI5: release, with acquire by who looks; where it is raised, that of `filled_` which follows.
  alignas(cache_line) atomic<std::size_t> waiting_{0};
};

}  // namespace troupe::detail
