#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <troupe/actors/address.hpp>
#include <troupe/actors/ask.hpp>
#include <troupe/actors/ref.hpp>

namespace troupe {

namespace detail {

/// A wait for a reply without anybody who waits: the reply comes to the actor that asked as a message of the runtime's.
///
/// RM1. It lies in the envelope of that message, which the inbox gets once: from the giver of the reply, from the timer
///      if it gives the reply up, or at once if the reply is there. Whoever may still touch this has done so before the
///      slice gets beyond `settle`.
/// RM2. It holds a reference to the cell of the actor, so that a reply that comes later than the end finds it.
class reply_wait final : public completion, public timer {
public:
  reply_wait(cell& asker, envelope& message) noexcept : asker_(&asker), message_(&message) {}
  reply_wait(const reply_wait&) = delete;
  reply_wait& operator=(const reply_wait&) = delete;
  ~reply_wait();

  void begin(future_state_base& state, std::chrono::nanoseconds timeout);

  /// The slice's, before anything else is done with it.
  void settle() noexcept;

  /// Whether the reply was given up; then, why.
  bool gave_up() const noexcept { return gave_up_; }
  error why_not() const { return error(errc::timeout, "no result came in time" + circumstances_); }

  void completed() noexcept override;
  void fire() noexcept override;
  void dropped() noexcept override { fired_.store(true, release); }

private:
  cell* asker_;
  envelope* message_;
  future_state_base* state_ = nullptr;
  bool timed_ = false;
  bool settled_ = false;
  bool gave_up_ = false;
  atomic<bool> fired_{false};  // true: the timer will not touch this any more; its release pairs with `settle`
  std::string circumstances_;
};

template <class R, class F>
struct reply_message : envelope {
  reply_message(const message_ops& o, cell& asker, future<R> r, F g)
      : envelope(o), wait(asker, *this), reply(std::move(r)), f(std::move(g)) {}

  result<R> take() {
    wait.settle();
    if (wait.gave_up()) return wait.why_not();
    return reply.get();
  }

  reply_wait wait;
  future<R> reply;
  F f;
};

template <class R, class F>
inline constexpr message_ops reply_ops{
    .handle = [](cell&, envelope& e) -> root_handle {
      auto& m = static_cast<reply_message<R, F>&>(e);
      if constexpr (is_task<std::invoke_result_t<F&, result<R>>>) {
        return finish(m.f(m.take())).handle;
      } else {
        (void)m.f(m.take());
        return {};
      }
    },
    .destroy = [](envelope& e) noexcept { static_cast<reply_message<R, F>&>(e).~reply_message(); },
    .size = sizeof(reply_message<R, F>),
    .alignment = alignof(reply_message<R, F>),
    .name = "reply",
    .system = true,
    .in_turn = true};

}  // namespace detail

template <class R, class M>
template <class A, class F>
void pending_reply<R, M>::then(A* me, F f) && {
  static_assert(std::is_base_of_v<actor, A>, "troupe: then(this, f) is for actors; elsewhere there is then(f)");
  static_assert(!is_task<std::invoke_result_t<F&, result<R>>> || !loop_actor_class<A>,
                "troupe: in a loop actor the function that takes a reply must not be a coroutine: co_await the reply");
  if (!this->valid()) throw troupe_error(errc::invalid_argument, detail::stands_for_nothing);
  const std::chrono::nanoseconds timeout = this->timeout();
  detail::future_state_base& state = *this->state();
  auto* message = detail::make_envelope<detail::reply_message<R, F>>(detail::reply_ops<R, F>, cell_of(*me),
                                                                     future<R>(std::move(*this)), std::move(f));
  message->wait.begin(state, timeout);
}

}  // namespace troupe
