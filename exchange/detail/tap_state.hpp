#pragma once

#include <memory>
#include <mutex>

#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/exchange/tap.hpp>

namespace troupe::detail {

/// A tap: an actor with a backlog, as a subscriber has, but bound beside the subscribers and counted by nobody.
///
/// TA1. It is bound until `leave`, which the end of its actor calls too, and only the first of these does anything. The
///      binding is freed by way of the actor's inbox then, as others are (X1).
/// TA2. Nothing leads from the exchange to this, so it may keep the exchange alive.
/// TA3. What has been published before it is closed is read before that (N1): it ends when all of that has been shown.
class tap_state final : public end_hook, public std::enable_shared_from_this<tap_state> {
public:
  tap_state(std::shared_ptr<exchange_state> of, any_ref shows, std::shared_ptr<backlog_base> line,
            std::unique_ptr<binding> b) noexcept;
  ~tap_state() override;

  /// Publishers see it from now on. Throws `std::bad_alloc`, and they do not then.
  void enter();
  void stop() noexcept;

  void actor_ended(cell& c) noexcept override;

private:
  void leave() noexcept;

  const std::shared_ptr<exchange_state> exchange_;
  const any_ref actor_;
  const std::shared_ptr<backlog_base> backlog_;
  std::mutex mutex_;
  std::unique_ptr<binding> binding_;  // under mutex_; null: it has left
};

}  // namespace troupe::detail
