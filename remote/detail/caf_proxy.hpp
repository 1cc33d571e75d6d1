#pragma once

#include <memory>
#include <utility>

#include <caf/all.hpp>

#include <troupe/actors/address.hpp>
#include <troupe/remote/detail/caf_content.hpp>
#include <troupe/remote/detail/caf_reasons.hpp>

namespace troupe::detail {

/// Whoever of CAF's asked an actor of Troupe's, and how the answer comes back.
struct caf_requester {
  caf::strong_actor_ptr who;
  caf::message_id question;

  void answer(caf::message with) const {
    if (who && question.is_request()) who->enqueue(nullptr, question.response_id(), std::move(with), nullptr);
  }
  void fail(const error& why) const { answer(caf::make_message(to_caf_error(why))); }
};

/// Waits for the answer of an actor of Troupe's in place of one of CAF's.
template <class R>
class caf_answer final : public pooled, public completion {
public:
  caf_answer(future<R> f, caf_requester to) noexcept : future_(std::move(f)), to_(std::move(to)) {}

  /// Lives until the answer has come.
  static void wait(future<R> f, caf_requester to) {
    auto* const self = new caf_answer(std::move(f), std::move(to));
    if (!state_of(self->future_).await(*self)) self->completed();
  }

  void completed() noexcept override {
    result<R> r = future_.get();
    if (!r)
      to_.fail(r.error());
    else if constexpr (std::is_void_v<R>)
      to_.answer(caf::message());
    else
      to_.answer(make_caf_message<R>(std::move(r).value()));
    delete this;
  }

private:
  future<R> future_;
  caf_requester to_;
};

/// The actor of CAF's that stands for one of Troupe's. Has no mailbox: what comes is sent on by who sends it. When the
/// other ends, so does it; when it is told to exit it closes or kills the other.
class caf_proxy : public caf::monitorable_actor {
public:
  using monitorable_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr e, caf::execution_unit*) final;
  const char* name() const final { return "troupe's actor"; }
  void on_destroy() final;

  /// Has it end with the other. Once, right after it was made.
  void watch();

protected:
  caf_proxy(caf::actor_config& config, any_ref to) : monitorable_actor(config), to_(std::move(to)) {}

  /// False if none of the messages fits; else it has gone.
  virtual bool take(caf::mailbox_element& e) = 0;

private:
  class end_watch;

  any_ref to_;
  std::shared_ptr<end_watch> watch_;
};

template <class Part>
class caf_proxy_part {
public:
  explicit caf_proxy_part(address<Part> to) : to_(std::move(to)) {}
  bool take(caf::mailbox_element& e) {
    using stored = caf_stored<Part>;
    if (!e.content().match_elements<stored>()) return false;
    const bool over = to_.get_cell()->ended();
    to_.send(static_cast<Part>(e.content().move_if_unshared<stored>(0)));
    const caf_requester who{std::move(e.sender), e.mid};
    if (over)
      who.fail(error(errc::closed, "Troupe's actor has ended"));
    else
      who.answer(caf::message());
    return true;
  }

private:
  address<Part> to_;
};

template <class R, class M>
class caf_proxy_part<R(M)> {
public:
  explicit caf_proxy_part(address<R(M)> to) : to_(std::move(to)) {}
  bool take(caf::mailbox_element& e) {
    using stored = caf_stored<M>;
    if (!e.content().match_elements<stored>()) return false;
    promise<R> reply;
    if (e.mid.is_request()) {
      reply = promise<R>(to_.get_cell()->core().scheduler());
      reply.name_parties(type_name<M>(), *to_.get_cell());
      caf_answer<R>::wait(reply.get_future(), {std::move(e.sender), e.mid});
    }
    (void)to_.get_cell()->enqueue(*make_envelope<ask_envelope<M, R>>(
        to_.ops(), std::move(reply), static_cast<M>(e.content().move_if_unshared<stored>(0))));
    return true;
  }

private:
  address<R(M)> to_;
};

template <class... Parts>
class caf_proxy_of final : public caf_proxy, private caf_proxy_part<Parts>... {
public:
  caf_proxy_of(caf::actor_config& config, const troupe::address<Parts...>& to)
      : caf_proxy(config, to), caf_proxy_part<Parts>(troupe::address<Parts>(to))... {}

private:
  bool take(caf::mailbox_element& e) override { return (caf_proxy_part<Parts>::take(e) || ...); }
};

}  // namespace troupe::detail
