#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <troupe/actors/runtime.hpp>
#include <troupe/base/type_name.hpp>
#include <troupe/testing/detail/drive.hpp>

namespace troupe::testing {

namespace detail {

/// A message that a probe has got, and the test has not.
class kept_message {
public:
  virtual ~kept_message() = default;
  virtual std::string text() const = 0;
  std::uint64_t sender = 0;  ///< its number; 0: no actor
};

template <class M>
class kept : public kept_message {
public:
  explicit kept(M m) : message(std::move(m)) {}
  std::string text() const override { return type_name<M>() + value_text(message); }
  M message;
};

template <class M, class R>
class kept_question final : public kept<M> {
public:
  kept_question(M m, promise<R> p) : kept<M>(std::move(m)), reply(std::move(p)) {}
  promise<R> reply;  ///< none if it was answered, or only sent
};

/// What a probe and its actor share. One thread has both.
struct probe_queue {
  std::deque<std::unique_ptr<kept_message>> line;
  std::uint64_t sender = 0;  ///< of the message that is being handled
  bool over = false;         ///< the probe has gone: nobody will look

  void keep(std::unique_ptr<kept_message> m) {
    if (over) return;
    m->sender = sender;
    line.push_back(std::move(m));
  }
};

/// How questions of a kind are answered.
template <class Part>
struct probe_answer {};
template <class R, class M>
struct probe_answer<R(M)> {
  std::function<R(const M&)> answer;
  std::deque<promise<R>> open;  ///< of those that the test has got, the oldest first
};

template <class... Parts>
struct probe_state : probe_queue, probe_answer<Parts>... {};

template <class Part>
struct part_of {
  using message = Part;
  using reply = void;
};
template <class R, class M>
struct part_of<R(M)> {
  using message = M;
  using reply = R;
};

/// The handler of one of them.
template <class M>
class probe_part {
public:
  void on(M message) { queue_->keep(std::make_unique<kept<M>>(std::move(message))); }

protected:
  template <class State>
  explicit probe_part(State* s) noexcept : queue_(s) {}

private:
  probe_queue* queue_;
};

template <class R, class M>
class probe_part<R(M)> {
public:
  void on(M message, promise<R> reply) {
    if (reply && answer_->answer) {
      try {
        if constexpr (std::is_void_v<R>) {
          answer_->answer(message);
          reply.give({});
        } else {
          reply.give(answer_->answer(message));
        }
      } catch (...) {  // as the handler of any actor: whoever asked learns what was thrown
        reply.fail(error(errc::crashed, troupe::detail::current_exception_text() + " (" + type_name<M>() +
                                            " asked of " + troupe::detail::running_cell->name() + ")"));
        throw;
      }
    }
    queue_->keep(std::make_unique<kept_question<M, R>>(std::move(message), std::move(reply)));
  }

protected:
  template <class State>
  explicit probe_part(State* s) noexcept : queue_(s), answer_(s) {}

private:
  probe_queue* queue_;
  probe_answer<R(M)>* answer_;
};

}  // namespace detail

/// The class of the actor of a `probe`.
template <class... Parts>
class probe_actor final : public actor, public detail::probe_part<Parts>... {
public:
  using detail::probe_part<Parts>::on...;

  /// Internal.
  explicit probe_actor(std::shared_ptr<detail::probe_state<Parts...>> s)
      : detail::probe_part<Parts>(s.get())..., state_(std::move(s)) {}

  /// Internal: what only the actor itself may do.
  void watch(const any_ref& other) { (void)actor::monitor(this, other); }

private:
  std::shared_ptr<detail::probe_state<Parts...>> state_;
};

}  // namespace troupe::testing
