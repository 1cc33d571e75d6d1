#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include <troupe/base/result.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>
#include <troupe/exchange/queue.hpp>

namespace troupe {

/// A message of a queue, for those who answer for it by hand: what a handler `on(delivery<job>)` takes. It may be kept,
/// and answered for later and by any thread. Move only; one that goes without an answer puts its message back to the
/// front of the queue.
template <class M>
class delivery {
public:
  /// Stands for no message: only to be assigned to.
  delivery() = default;
  /// Internal; takes over a reference of the message.
  delivery(std::shared_ptr<detail::ack_queue_base> from, detail::ack_node_of<M>& n, std::uint32_t number) noexcept
      : queue_(std::move(from)),
        node_(&n),
        number_(number),
        deliveries_(n.returned.load(relaxed) + 1),
        answered_(false) {}
  delivery(delivery&& other) noexcept
      : queue_(std::move(other.queue_)),
        node_(std::exchange(other.node_, nullptr)),
        number_(other.number_),
        deliveries_(other.deliveries_),
        answered_(std::exchange(other.answered_, true)) {}
  delivery& operator=(delivery&& other) noexcept {
    delivery taken(std::move(other));
    std::swap(queue_, taken.queue_);
    std::swap(node_, taken.node_);
    std::swap(number_, taken.number_);
    std::swap(deliveries_, taken.deliveries_);
    std::swap(answered_, taken.answered_);
    return *this;
  }
  ~delivery() {
    if (!node_) return;
    if (!answered_) (void)queue_->answer_for(*node_, number_, detail::verdict::requeued);
    node_->release();
  }

  /// True if it stands for a message: not after it was moved from.
  explicit operator bool() const noexcept { return node_ != nullptr; }

  /// The message, which others may read at the same time if it was taken back. It lives as long as this.
  const M& message() const noexcept { return node_->message; }
  const M& operator*() const noexcept { return node_->message; }
  const M* operator->() const noexcept { return &node_->message; }

  /// Which delivery of the message this is, from 1.
  std::uint32_t deliveries() const noexcept { return deliveries_; }
  /// Whether somebody has begun with it before.
  bool redelivered() const noexcept { return deliveries_ > 1; }

  /// Says that the work is done: the message is gone. Errors: `expired` if it was taken back before: its actor
  /// was detached or has ended, or `queue::ack_timeout` is over; `invalid_argument` if it was answered for before.
  result<void> ack() { return answer(detail::verdict::acknowledged, "ack"); }
  /// Says that it is not: the message goes back to the front of the queue, or is a dead letter. Errors as of `ack`. A
  /// dead letter is a copy of the message; of one that cannot be copied only what a move leaves is here then.
  result<void> nack(requeue back = requeue::yes) {
    return answer(back == requeue::yes ? detail::verdict::requeued : detail::verdict::rejected, "nack");
  }

private:
  result<void> answer(detail::verdict what, const char* how) {
    if (std::exchange(answered_, true))
      return error(errc::invalid_argument, std::string(how) + "() of a delivery of " + type_name<M>() +
                                               " that was answered for before, or moved from");
    if (!queue_->answer_for(*node_, number_, what))
      return error(errc::expired, std::string(how) + "() of a delivery of " + type_name<M>() +
                                      " comes late: it was taken back, and another one may have it");
    return {};
  }

  std::shared_ptr<detail::ack_queue_base> queue_;
  detail::ack_node_of<M>* node_ = nullptr;
  std::uint32_t number_ = 0;
  std::uint32_t deliveries_ = 0;
  bool answered_ = true;
};

}  // namespace troupe
