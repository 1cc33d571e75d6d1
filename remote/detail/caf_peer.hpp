#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/exchange/delivery.hpp>
#include <troupe/remote/detail/caf_content.hpp>
#include <troupe/remote/detail/caf_reasons.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe::detail {

/// The promise of an answer of CAF's.
class caf_question : public pooled {
public:
  virtual ~caf_question() = default;
  /// One of the two, once.
  virtual void answer(caf::type_erased_tuple& with) noexcept = 0;
  virtual void fail(error why) noexcept = 0;
};

template <class R>
class caf_question_of final : public caf_question {
public:
  caf_question_of(core& k, promise<R> reply) noexcept : core_(&k), reply_(std::move(reply)) {}

  void answer(caf::type_erased_tuple& with) noexcept override {
    if (with.match_elements<caf::error>()) return fail(from_caf_error(with.get_as<caf::error>(0)));
    if constexpr (std::is_void_v<R>) {
      give({});
    } else {
      using stored = caf_stored<R>;
      if (!with.match_elements<stored>())
        return fail(error(errc::type_mismatch, std::string("CAF's answer is no ") + type_name<R>()));
      give(with.shared() ? result<R>(static_cast<R>(with.get_as<stored>(0)))
                         : result<R>(static_cast<R>(std::move(with.get_mutable_as<stored>(0)))));
    }
  }
  void fail(error why) noexcept override { give(std::move(why)); }

private:
  void give(result<R> r) noexcept {
    if (reply_ && !reply_.give(std::move(r))) core_->count(&core::counters::late_replies);
  }

  core* core_;
  promise<R> reply_;
};

/// Stands in CAF for who has asked an actor of CAF's, and gets the answers.
///
/// CQ1. A question has a number, under which it waits here until its answer comes, or its receiver has ended.
class caf_asker final : public caf::monitorable_actor {
public:
  explicit caf_asker(caf::actor_config& config) : monitorable_actor(config) {}

  using monitorable_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr e, caf::execution_unit*) override;
  const char* name() const override { return "troupe's asker"; }

  /// What the message that asks has to bear. Null once `fail_all` was called: the question has failed.
  std::uint64_t add(std::unique_ptr<caf_question> q);
  void fail_all(const error& why) noexcept;

private:
  std::mutex mutex_;  // guards the rest
  std::unordered_map<std::uint64_t, std::unique_ptr<caf_question>> waiting_;
  std::uint64_t last_ = 0;
  std::unique_ptr<error> over_;
};

/// What those who bring messages of queues to an actor of CAF's know of it.
///
/// CJ1. An actor that ends because of a message says so here before that message is destroyed, and its mailbox is
///      closed before those are that still wait there.
/// CJ2. What reaches nobody any more is kept here until the stand-in has ended: given back before that, it would come
///      to the same one again.
class caf_fate {
public:
  explicit caf_fate(caf::abstract_actor& of) noexcept;
  caf_fate(const caf_fate&) = delete;
  caf_fate& operator=(const caf_fate&) = delete;
  /// Each goes back to the front of its queue.
  ~caf_fate() {
    while (!left_.empty()) left_.pop_back();
  }

  /// It takes no more messages. Any thread, while the actor is there.
  bool is_over() const noexcept;
  /// It has ended by an error. Any thread.
  bool has_failed() const noexcept { return end_.load(acquire) == end::by_error; }
  void has_ended(bool by_error) noexcept { end_.store(by_error ? end::by_error : end::well, release); }

  /// In the order in which they came; `first`: before all others. Any thread.
  template <class T>
  void keep(T left, bool first = false) noexcept {
    try {
      auto kept = std::make_shared<T>(std::move(left));
      std::lock_guard guard(mutex_);
      left_.insert(first ? left_.begin() : left_.end(), std::move(kept));
    } catch (const std::bad_alloc&) {  // it comes back too early
    }
  }

private:
  enum class end : std::uint8_t { none, well, by_error };

  caf::scheduled_actor* const scheduled_;  // one of the two, or none
  caf::blocking_actor* const blocking_;
  atomic<end> end_{end::none};  // none -> one of the others; release: pairs with the acquire of those who answer
  std::mutex mutex_;
  std::vector<std::shared_ptr<void>> left_;  // under the mutex
};

/// A message of a queue on its way to an actor of CAF's, which answers for it by what it does: it is acknowledged when
/// its handler has returned, goes back to the queue where it threw, and is a dead letter where it has none. Counted by
/// the queue, and not once more.
template <class M>
class caf_job final : public caf_carrier<caf_stored<M>> {
public:
  caf_job(delivery<M> d, std::shared_ptr<caf_fate> to)
      : caf_carrier<caf_stored<M>>(*d), delivery_(std::move(d)), to_(std::move(to)) {}

private:
  ~caf_job() override {
    if (!this->begun() && to_->is_over())
      to_->keep(std::move(delivery_));
    else if (!this->begun())
      (void)delivery_.nack(requeue::no);
    else if (to_->has_failed())
      to_->keep(std::move(delivery_), true);
    else
      (void)delivery_.ack();
  }

  delivery<M> delivery_;
  const std::shared_ptr<caf_fate> to_;
};

/// The actor of Troupe's that stands for one of CAF's: what it gets it hands on, when the other ends so does it, and
/// when it is closed or killed it ends the other.
class caf_peer : public actor {
public:
  void on_start();
  void on_stop();

protected:
  explicit caf_peer(caf::strong_actor_ptr to);
  ~caf_peer();

  /// That of the actor which is being made.
  static core& core_here() noexcept { return cell_under_construction->core(); }

  template <class M>
  void forward(M&& message) {
    hand_over(*new caf_envelope<caf_stored<std::remove_cvref_t<M>>>(core_, std::forward<M>(message)));
  }
  template <class M>
  void work(delivery<M> d) {
    if (fate_->is_over()) return fate_->keep(std::move(d));
    to_->enqueue(caf::mailbox_element_ptr(new caf_job<M>(std::move(d), fate_)), nullptr);
  }
  template <class M, class R>
  void ask(M&& message, promise<R> reply) {
    const std::uint64_t number = ask_as(std::make_unique<caf_question_of<R>>(core_, std::move(reply)));
    if (number == 0) return;
    auto& e = *new caf_envelope<caf_stored<std::remove_cvref_t<M>>>(core_, std::forward<M>(message));
    e.sender = asker_;
    e.mid = caf::make_message_id(number);
    hand_over(e);
  }

private:
  class end_watch;

  template <class Envelope>
  void hand_over(Envelope& e) {
    core_.count(&core::counters::sent);
    to_->enqueue(caf::mailbox_element_ptr(&e), nullptr);
  }
  std::uint64_t ask_as(std::unique_ptr<caf_question> q);

  core& core_;
  caf::strong_actor_ptr to_;
  const std::shared_ptr<caf_fate> fate_;
  caf::strong_actor_ptr asker_;  // null until somebody asks
  bool ended_here_ = false;      // it was closed, and has told the other so
};

/// The handler of one message: for R(M), that of a question too.
template <class Peer, class Part>
class caf_peer_part {
public:
  void on(Part message) { static_cast<Peer*>(this)->forward(std::move(message)); }
  void on(delivery<Part> d) requires std::copy_constructible<Part> { static_cast<Peer*>(this)->work(std::move(d)); }
};
template <class Peer, class R, class M>
class caf_peer_part<Peer, R(M)> {
public:
  void on(M message, promise<R> reply) {
    if (reply)
      static_cast<Peer*>(this)->ask(std::move(message), std::move(reply));
    else
      static_cast<Peer*>(this)->forward(std::move(message));
  }
  void on(delivery<M> d) requires std::copy_constructible<M> { static_cast<Peer*>(this)->work(std::move(d)); }
};

}  // namespace troupe::detail

namespace troupe {

/// Stands for an actor of CAF's; made by `caf_system::to_troupe`. Users see `ref<caf_actor<...>>`.
template <class... Parts>
class caf_actor : public detail::caf_peer, public detail::caf_peer_part<caf_actor<Parts...>, Parts>... {
public:
  /// Internal.
  explicit caf_actor(caf::strong_actor_ptr to) : caf_peer(std::move(to)) {}
  using detail::caf_peer_part<caf_actor, Parts>::on...;

private:
  template <class, class>
  friend class detail::caf_peer_part;
};

}  // namespace troupe
