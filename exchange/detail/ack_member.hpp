#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <troupe/actors/address.hpp>
#include <troupe/actors/dispatch.hpp>
#include <troupe/exchange/delivery.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>

namespace troupe::detail {

/// Answers for a message as the coroutine that handles it ends: acknowledged if it has come to its end, else back.
class ack_ticket final : public pooled, public handler_watch {
public:
  explicit ack_ticket(std::shared_ptr<ack_queue_base> from) noexcept : queue_(std::move(from)) {}
  ~ack_ticket() {
    if (node_) node_->release();
  }
  void take(ack_node& n, std::uint32_t number) noexcept {
    node_ = &n;
    number_ = number;
  }
  void handler_over(bool returned) noexcept override {
    (void)queue_->answer_for(*node_, number_, returned ? verdict::acknowledged : verdict::requeued);
    delete this;
  }

private:
  std::shared_ptr<ack_queue_base> queue_;
  ack_node* node_ = nullptr;
  std::uint32_t number_ = 0;
};

/// A delivery that a handler may look at for as long as it runs.
template <class M>
class delivery_box final : public pooled, public handler_watch {
public:
  void handler_over(bool) noexcept override { delete this; }
  delivery<M> content;
};

/// What the two kinds of members share: how a batch is read.
template <class M>
class ack_member : public ack_member_base {
public:
  using ack_member_base::ack_member_base;

  void read(cell& c, unsigned budget, progress& done) final {
    delivery_gate::passage through(&gate);
    for (; budget != 0 && !at_mark() && through.holds() && gate.is_open(); --budget) {
      ack_node* const next = begin_next();
      if (!next) continue;
      gate.count_delivery();
      thrown_at guard{this};
      done.coroutine = handle(c, static_cast<ack_node_of<M>&>(*next));
      guard.member = nullptr;
      end_last();
      if (done.coroutine) {
        is_slow();
        done.gate = &gate;
        return;
      }
      ++done.handled;
      if (c.killed() || !c.reads_streams()) return;
      if (owes_much() && !at_mark()) settle();
    }
    if (!gate.is_open()) (void)mark();
  }

  held_message hand_over() noexcept final { return {}; }  // the coroutine has its reference
  const char* message_name() const noexcept final { return type_name<M>(); }

protected:
  virtual root_handle handle(cell& c, ack_node_of<M>& n) = 0;

private:
  struct thrown_at {
    ack_member* member;
    ~thrown_at() {
      if (member) member->from().give_back(*member);
    }
  };
};

/// Of an actor with a handler for M, which answers by itself.
template <class M>
class auto_member final : public ack_member<M> {
public:
  auto_member(const address<M>& who, std::shared_ptr<ack_queue_base> from, std::size_t prefetch)
      : ack_member<M>(who, std::move(from), prefetch), call_(who.shared_call()), shared_ops_(who.shared_ops()) {}

  /// It counts as acknowledged when it is put off.
  envelope* copy() override {
    if constexpr (std::is_copy_constructible_v<M>)
      return make_envelope<shared_envelope<M>>(*shared_ops_, *new shared_message<M>(M(at_hand_->message), 1), nullptr);
    else
      return nullptr;
  }

private:
  root_handle handle(cell& c, ack_node_of<M>& n) override {
    at_hand_ = &n;
    const root_handle handler = call_(c, n.message);
    if (handler) [[unlikely]]
      let_answer(handler, n);
    return handler;
  }

  [[gnu::noinline]] void let_answer(root_handle handler, ack_node& n) {
    std::unique_ptr<ack_ticket> ticket;
    try {
      ticket = std::make_unique<ack_ticket>(this->shared_from());
    } catch (...) {
      handler.destroy();
      throw;
    }
    ticket->take(n, this->from().hold(*this, n, false));
    handler.promise().watch = ticket.release();
  }

  shared_call<M> call_;
  const message_ops* shared_ops_;
  ack_node_of<M>* at_hand_ = nullptr;
};

/// Calls the handler of A with a delivery, which it may take.
template <class A, class M>
root_handle call_with_delivery(cell& c, delivery<M>& d) {
  return with_receiver<A, delivery<M>>(
      c,
      [&]<class T>(T& receiver) {
        return start_unasked<T, delivery<M>>(
            [&](auto... reply) -> decltype(auto) { return call_owned(receiver, d, std::move(reply)...); });
      },
      [&] { return c.lose_unhandled(type_name<delivery<M>>()); });
}

/// Of an actor with a handler for `delivery<M>`, which answers by hand.
template <class M>
class manual_member final : public ack_member<M> {
public:
  template <class A>
  manual_member(const ref<A>& who, std::shared_ptr<ack_queue_base> from, std::size_t prefetch)
      : ack_member<M>(who, std::move(from), prefetch),
        call_(&call_with_delivery<A, M>),
        own_ops_(&own_ops<A, delivery<M>>) {}

  envelope* copy() override { return make_envelope<own_envelope<delivery<M>>>(*own_ops_, std::move(box_->content)); }

private:
  root_handle handle(cell& c, ack_node_of<M>& n) override {
    if (!box_) box_ = std::make_unique<delivery_box<M>>();
    box_->content = delivery<M>(this->shared_from(), n, this->from().hold(*this, n, true));
    root_handle handler;
    try {
      handler = call_(c, box_->content);
    } catch (...) {
      this->from().give_back(*this);  // first what comes behind it
      box_->content = {};
      throw;
    }
    if (handler)
      handler.promise().watch = box_.release();
    else
      box_->content = {};  // unless the handler has taken it
    return handler;
  }

  root_handle (*const call_)(cell&, delivery<M>&);
  const message_ops* const own_ops_;
  std::unique_ptr<delivery_box<M>> box_;
};

}  // namespace troupe::detail
