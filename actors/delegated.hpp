#pragma once

#include <utility>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/message_envelopes.hpp>

namespace troupe {

/// What a handler returns when another actor is to give the reply: made by `delegate(ref, message)` in the handler.
/// Move only. The message goes on its way when the handler has returned.
template <class R>
class [[nodiscard]] delegated {
public:
  /// Internal. Takes over the envelope, a question whose promise, at `reply`, is still empty.
  delegated(cell& to, detail::envelope& question, promise<R>& reply) noexcept
      : to_(&to), question_(&question), reply_(&reply) {
    to_->retain();
  }
  delegated(delegated&& other) noexcept
      : to_(other.to_), question_(std::exchange(other.question_, nullptr)), reply_(other.reply_) {
    to_->retain();
  }
  delegated& operator=(delegated&&) = delete;
  ~delegated() {
    if (question_) {
      question_->ops->destroy(*question_);
      detail::free_envelope(question_);
    }
    to_->release();
  }

  /// Internal: lets the other actor answer whoever has asked.
  void ask(promise<R> reply) && {
    reply.hand_on(to_);
    *reply_ = std::move(reply);
    std::move(*this).send();
  }

  /// Internal: nobody has asked.
  void send() && { (void)to_->enqueue(*std::exchange(question_, nullptr)); }

private:
  cell* to_;
  detail::envelope* question_;
  promise<R>* reply_;
};

}  // namespace troupe
