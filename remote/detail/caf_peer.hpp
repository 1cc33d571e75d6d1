#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <caf/all.hpp>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/ref.hpp>
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
  caf::strong_actor_ptr asker_;  // null until somebody asks
  bool ended_here_ = false;      // it was closed, and has told the other so
};

/// The handler of one message: for R(M), that of a question too.
template <class Peer, class Part>
class caf_peer_part {
public:
  void on(Part message) { static_cast<Peer*>(this)->forward(std::move(message)); }
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
