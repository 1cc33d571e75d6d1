#pragma once

#include <memory>
#include <string>
#include <utility>

#include <troupe/actors/cell.hpp>
#include <troupe/base/result.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe::detail {

/// A message that is to be sent once there is room for it: see `operation`.
class send_request_base {
public:
  /// Takes the envelope over, and keeps the cell.
  send_request_base(cell& to, envelope& e) noexcept : to_(&to), envelope_(&e) { to_->retain(); }
  send_request_base(send_request_base&& other) noexcept
      : to_(std::exchange(other.to_, nullptr)), envelope_(std::exchange(other.envelope_, nullptr)) {}
  send_request_base& operator=(send_request_base&&) = delete;
  ~send_request_base();

  spin_lock& guard() noexcept;
  bool try_fast(const void*) noexcept;
  bool try_locked(wait_node& n) noexcept;
  void give_back() noexcept {  // sent is sent
    if (!closed_) envelope_ = nullptr;
  }
  void left(wake_list&) noexcept {}
  const void* owner() const noexcept { return static_cast<strand*>(to_); }
  std::string what() const { return "room in the mailbox of " + to_->name(); }
  result<void> finish(const wait_end& how, const std::string* story);

private:
  cell* to_;
  envelope* envelope_;  // null once it is sent
  bool closed_ = false;
};

template <class M>
struct send_request : send_request_base {
  using send_request_base::send_request_base;
  static constexpr bool dies_twice = std::is_aggregate_v<M> && !std::is_trivially_destructible_v<M>;
};

}  // namespace troupe::detail
