#pragma once

#include <array>
#include <cstdint>

#include <troupe/actors/core.hpp>
#include <troupe/actors/delivery_gate.hpp>
#include <troupe/base/atomic.hpp>

namespace troupe::detail {

/// What became of the messages that came from one place, such as an exchange: but for those that were handled, which
/// their gates count, and streams by where they stand. Any thread.
///
/// DA1. A message that has begun, because it has passed its gate or its reader has taken it out, counts as delivered
///      unless it is undone. One that its receiver puts off was delivered: what becomes of it then is that one's
///      affair.
/// DA2. It lives as long as the core (`core::keep`), so that no message needs a reference to it.
class delivery_account {
public:
  delivery_account() = default;
  delivery_account(const delivery_account&) = delete;
  delivery_account& operator=(const delivery_account&) = delete;

  /// It had not begun, or has been undone.
  void lost(loss why, std::uint64_t n = 1) noexcept { lost_[static_cast<std::size_t>(why)].fetch_add(n, relaxed); }
  /// It had begun, and something else is said of it too.
  void undone() noexcept { undone_.fetch_add(1, relaxed); }
  /// It had begun, and will not be handled.
  void lost_in_handler(loss why) noexcept {
    undone();
    lost(why);
  }
  /// Its handler threw.
  void failed() noexcept {
    undone();
    failed_.fetch_add(1, relaxed);
  }
  /// There was no room for it: it was not sent.
  void refused() noexcept { refused_.fetch_add(1, relaxed); }

  std::uint64_t times_undone() const noexcept { return undone_.load(relaxed); }
  std::uint64_t times_failed() const noexcept { return failed_.load(relaxed); }
  std::uint64_t times_refused() const noexcept { return refused_.load(relaxed); }
  std::uint64_t times_lost(std::size_t why) const noexcept { return lost_[why].load(relaxed); }

protected:
  ~delivery_account() = default;

private:
  // Rare events of all threads, which order nothing.
  atomic<std::uint64_t> undone_{0}, failed_{0}, refused_{0};
  std::array<atomic<std::uint64_t>, loss_kinds> lost_{};
};

/// Whose message that is; null: nobody keeps account of it.
inline delivery_account* account_of(envelope& e) noexcept {
  const delivery_gate* const gate = e.ops->gate ? e.ops->gate(e) : nullptr;
  return gate ? gate->account : nullptr;
}

}  // namespace troupe::detail
