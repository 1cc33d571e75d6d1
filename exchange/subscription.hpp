#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/exchange/detail/group.hpp>

namespace troupe {

/// What became of a subscription that was to be detached.
enum class detach_status : std::uint8_t {
  detached,      ///< it was attached until now
  not_attached,  ///< it had been detached before, or moved from, or its subscriber has ended
};

/// Keeps a subscriber attached for as long as it lives. Move only; may outlive exchange, subscriber and runtime.
class [[nodiscard]] subscription {
public:
  subscription() = default;
  /// Internal. The binding may have gone already, with its actor.
  subscription(std::shared_ptr<detail::exchange_state> e, any_ref who, detail::exchange_state::attached to,
               bool input) noexcept
      : exchange_(std::move(e)),
        binding_(to.handle),
        stay_(to.stay),
        backlog_(std::move(to.backlog)),
        subscriber_(std::move(who)),
        input_(input) {}
  subscription(subscription&& other) noexcept { swap(other); }
  subscription& operator=(subscription&& other) noexcept {
    subscription(std::move(other)).swap(*this);
    return *this;
  }
  ~subscription() { (void)detach(); }

  /// True until it is detached or moved from.
  explicit operator bool() const noexcept { return exchange_ != nullptr; }

  /// Detaches. After it returns no delivery starts; one that has started is waited for, unless this is called from
  /// within it (C5). A handler that is a coroutine has started when it first waits, and is not waited for after that.
  /// Messages that came through this binding and are still queued are dropped and counted, also those that another
  /// binding of the subscriber would have brought. Any thread.
  detach_status detach() noexcept;

  /// Internal: the subscriber stands in for one that is no actor, and ends with this. `borrows`: for one that is not
  /// used any more once `detach` has returned.
  void keep(bool borrows) noexcept { stand_in_ = borrows ? stand_in::borrows : stand_in::owns; }
  /// Internal: it is attached to the queue of a group.
  void keep(std::shared_ptr<detail::group_membership> in);

  /// How many messages the subscriber has not got because of its policy: dropped, replaced by newer ones, refused. Of
  /// all subscriptions of one actor to one exchange together, and still there when they have ended. 0 without
  /// `subscribe_options`. Any thread.
  std::uint64_t lost() const noexcept { return backlog_ ? backlog_->lost() : 0; }

  /// How it fares. With several keys, what its policy has lost and what waits is that of all of them. Once it has ended
  /// only what its policy has lost is still known. Any thread.
  subscription_counts counts() const;

private:
  enum class stand_in : std::uint8_t { none, owns, borrows };

  void swap(subscription& other) noexcept {
    std::swap(exchange_, other.exchange_);
    std::swap(binding_, other.binding_);
    std::swap(stay_, other.stay_);
    std::swap(backlog_, other.backlog_);
    std::swap(subscriber_, other.subscriber_);
    std::swap(input_, other.input_);
    std::swap(stand_in_, other.stand_in_);
    std::swap(group_, other.group_);
  }

  std::shared_ptr<detail::exchange_state> exchange_;
  const binding* binding_ = nullptr;  // it goes when the subscriber ends
  std::uint64_t stay_ = 0;
  std::shared_ptr<const detail::backlog_base> backlog_;
  any_ref subscriber_;  // none if it is an exchange
  bool input_ = false;
  stand_in stand_in_ = stand_in::none;
  std::shared_ptr<detail::group_membership> group_;
};

}  // namespace troupe
