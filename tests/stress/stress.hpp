#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <troupe/base/log.hpp>
#include <troupe/base/splitmix.hpp>

/// What the stress runs share: items that know their sender and number, tallies of what came out, and a brake for
/// senders that nothing else slows down.
namespace stress {

/// The most that send at the same time, and that receive.
inline constexpr std::size_t parties = 4;

/// An item as one word: who sent it, and the how-manieth of his it is, from 1.
constexpr std::uint64_t item_of(std::uint64_t sender, std::uint64_t number) { return sender << 48 | number; }
constexpr std::uint64_t sender_of(std::uint64_t item) { return item >> 48; }
constexpr std::uint64_t number_of(std::uint64_t item) { return item & 0xffff'ffff'ffff; }

/// Keeps each sender at most `window` items ahead of the receivers, so that a run of any length fits in memory.
class brake {
public:
  static constexpr std::uint64_t window = 50'000;
  static constexpr std::uint64_t step = 1'024;  // items between two reports; what a receiver has not reported is less

  /// Sender: true if its item of this number may go; if not, it is to try again later.
  bool lets_go(std::uint64_t sender, std::uint64_t number) const noexcept {
    return number <= received_[sender].load(std::memory_order_relaxed) + window;
  }

  /// Receiver: it has got `step` more from that sender.
  void report(std::uint64_t sender) noexcept { received_[sender].fetch_add(step, std::memory_order_relaxed); }

private:
  std::array<std::atomic<std::uint64_t>, parties> received_{};
};

/// What one receiver has seen. One thread at a time.
class tally {
public:
  explicit tally(brake& b) noexcept : brake_(&b) {}

  void add(std::uint64_t item) noexcept {
    const std::uint64_t number = number_of(item);
    from& f = from_[sender_of(item)];
    in_order_ = in_order_ && number > f.last;
    f.last = number;
    f.sum += number;
    if (++f.count % brake::step == 0) brake_->report(sender_of(item));
  }

private:
  friend class verdict;

  struct from {
    std::uint64_t last = 0;
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
  };

  brake* brake_;
  bool in_order_ = true;
  std::array<from, parties> from_{};
};

/// Whether what came out is what went in.
class verdict {
public:
  /// Adds what one receiver has seen; `ordered` if what one sender sent had to reach it in the order sent.
  void add(const tally& t, bool ordered);

  void complain(const std::string& text) { complaints_ += text + "; "; }

  /// What is wrong, if each of `senders` has sent `each` items; empty if nothing is.
  std::string of(std::size_t senders, std::uint64_t each) const;

private:
  std::array<tally::from, parties> from_{};
  std::string complaints_;
};

/// What happens next, from one random word each.
class dice {
public:
  explicit dice(std::uint64_t seed) : state_(seed * troupe::detail::splitmix_step + 1) {}
  std::uint64_t roll() noexcept {  // xorshift64*, Vigna 2016
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1d;
  }
  std::uint32_t below(std::uint32_t n) noexcept { return static_cast<std::uint32_t>((roll() >> 32) * n >> 32); }
  bool once_in(std::uint32_t n) noexcept { return below(n) == 0; }

private:
  std::uint64_t state_;
};

/// Nothing is logged while it lives: what goes wrong there is meant.
class quiet_log {
public:
  quiet_log() {
    troupe::set_log_sink([](std::string_view) noexcept {});
  }
  ~quiet_log() { troupe::set_log_sink(nullptr); }
  quiet_log(const quiet_log&) = delete;
  quiet_log& operator=(const quiet_log&) = delete;
};

/// One kind of queue.
struct queue {
  const char* name;
  unsigned divisor;  ///< it carries this fraction of the items, as each costs so much more
  const char* what;
  /// Sends that many items through it, in all; what is wrong, empty if nothing is.
  std::string (*carry)(std::uint64_t items);
};

/// All that there are, a file each.
std::span<const queue> run_queues();
std::span<const queue> mailboxes();
std::span<const queue> channels();
std::span<const queue> futures();
std::span<const queue> actors();
std::span<const queue> bursts();

}  // namespace stress
