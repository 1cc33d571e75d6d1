#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <troupe/actors/ask.hpp>
#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/send_request.hpp>
#include <troupe/actors/detail/timed_send.hpp>
#include <troupe/actors/dispatch.hpp>
#include <troupe/actors/handlers.hpp>
#include <troupe/actors/mailbox.hpp>
#include <troupe/scheduler/timed_call.hpp>

namespace troupe {

/// What references of all kinds have in common. Holds the cell, never the object: dropping the last reference closes
/// nothing. Copying costs one atomic increment. May be used from any thread, and after the actor or the runtime has
/// gone: what is sent then is a dead letter. A default-constructed reference stands for nobody; using it is an error.
class any_ref {
public:
  any_ref() = default;
  /// Internal.
  explicit any_ref(cell* c) noexcept : cell_(c) {
    if (cell_) cell_->retain();
  }
  any_ref(const any_ref& other) noexcept : any_ref(other.cell_) {}
  any_ref(any_ref&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  any_ref& operator=(any_ref other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~any_ref() {
    if (cell_) cell_->release();
  }

  /// False for one that stands for nobody.
  explicit operator bool() const noexcept { return cell_ != nullptr; }

  /// Lets the actor handle what the caller has sent before, then ends it. Later messages are dead letters.
  void close() const noexcept { cell_->close(); }

  /// Ends the actor as soon as the handler that runs returns or waits. What is queued is lost, counted and, where it
  /// was asked, answered.
  void kill() const noexcept { cell_->kill(); }

  /// Waits until the actor has gone: destroyed, unregistered, detached (C5). OS threads. Errors: `timeout`;
  /// `would_deadlock` on a run loop, or where too many workers block already.
  result<exit_reason> join(std::chrono::nanoseconds timeout = forever) const { return when_ended().get(timeout); }

  /// The same to `co_await`.
  future<exit_reason> when_ended(std::chrono::nanoseconds timeout = forever) const {
    promise<exit_reason> p(cell_->core().scheduler());
    p.hold_up_no_shutdown();  // it is the shutdown that closes actors
    p.owned_by(*cell_);
    future<exit_reason> f = p.get_future(timeout);
    cell_->notify_end(std::move(p));
    return f;
  }

  /// Calls `f(const exit_reason&)` on the pool when it has gone; at once if it has. Not after the end of the runtime.
  /// Any thread.
  template <class F>
  void on_end(F f) const;

  /// True until the actor has ended; a moment's truth.
  bool alive() const noexcept { return !cell_->ended(); }

  /// A number that no other actor of its runtime has or had.
  std::uint64_t id() const noexcept { return cell_->id(); }
  /// The name given at spawn, or class#id. Also after the end of the actor.
  std::string name() const { return cell_->name(); }

  /// Equal if they stand for the same actor; the order is that of addresses in memory.
  friend bool operator==(const any_ref& a, const any_ref& b) noexcept { return a.cell_ == b.cell_; }
  friend std::strong_ordering operator<=>(const any_ref& a, const any_ref& b) noexcept {
    return std::compare_three_way{}(a.cell_, b.cell_);
  }

  /// Internal.
  cell* get_cell() const noexcept { return cell_; }

private:
  friend struct std::hash<any_ref>;

  cell* cell_ = nullptr;
};

/// A reference to an actor of class A.
template <class A>
class ref : public any_ref {
public:
  using any_ref::any_ref;

  /// Sends a message: builds it in the mailbox of the actor and returns at once. Compiles only if A has a handler for
  /// exactly this type. A mailbox with a limit does as its policy says: what is dropped or refused is counted. Where
  /// the policy is `overflow::block` the message goes beyond the limit, and an actor that sends so in a handler takes
  /// no other message until half of the mailbox is free; to wait for room instead, `send_wait`. Throws
  /// `std::bad_alloc`, and has not sent it then.
  template <class M>
  void send(M&& message) const {
    if (auto* e = make_own<std::remove_cvref_t<M>>(std::forward<M>(message))) (void)get_cell()->enqueue(*e);
  }

  /// Builds the message in place: `r.send<order>("ACME", 10)`.
  template <class M, class... Args>
  requires(sizeof...(Args) != 1 ||
           !(std::is_same_v<std::remove_cvref_t<Args>, M> && ...)) void send(Args&&... args) const {
    if (auto* e = make_own<M>(std::forward<Args>(args)...)) (void)get_cell()->enqueue(*e);
  }

  /// The same, and says what became of it. Never goes beyond the limit of a mailbox: where the policy is to block it
  /// says `full`.
  template <class M>
  [[nodiscard]] send_status try_send(M&& message) const {
    if (auto* e = make_own<std::remove_cvref_t<M>>(std::forward<M>(message))) return get_cell()->try_enqueue(*e);
    return send_status::closed;
  }

  /// Waits until there is room in the mailbox, whatever its policy; those who wait get it in the order of their coming.
  /// `co_await r.send_wait(x)` in green threads and handlers, `r.send_wait(x).get()` on OS threads. Gives a
  /// `result<void>`, with an error if nothing was sent: `closed`; `timeout`; `cancelled` if the caller is told to stop
  /// meanwhile; `deadlock` if the actor waits, directly or not, for the caller.
  template <class M>
  auto send_wait(M&& message, std::chrono::nanoseconds timeout = forever) const {
    using message_type = std::remove_cvref_t<M>;
    return operation(detail::send_request<message_type>(*get_cell(), *make_own<message_type>(std::forward<M>(message))),
                     timeout);
  }

  /// The same with the message built in place: the form for g++ 12, which destroys an aggregate twice that is made
  /// inside of a `co_await` expression.
  template <class M, class... Args>
  requires(sizeof...(Args) == 0 ||
           !(std::is_same_v<std::remove_cvref_t<Args>, M> || ...)) auto send_wait(Args&&... args) const {
    return operation(detail::send_request<int>(*get_cell(), *make_own<M>(std::forward<Args>(args)...)));
  }

  /// Sends the message once, `delay` from now, unless the handle calls it off before. It counts as sent only then.
  template <class M>
  timer_handle send_later(std::chrono::nanoseconds delay, M&& message) const {
    detail::require_handler<A, std::remove_cvref_t<M>>();
    return detail::send_later(*this, delay, std::remove_cvref_t<M>(std::forward<M>(message)));
  }

  /// Sends a copy each `period`, the first time a period from now, without drift, until the handle calls it off or the
  /// actor has ended. Throws `troupe_error` (`invalid_argument`) if the period is not positive.
  template <class M>
  timer_handle send_every(std::chrono::nanoseconds period, const M& message) const {
    detail::require_handler<A, M>();
    return detail::send_every(*this, period, message);
  }

  /// Sends a message and gives a future for what its handler returns. `co_await` it in a green thread or a handler,
  /// `get` it on an OS thread. The time runs from the moment of waiting. Errors: `timeout`, or at once why there will
  /// be no answer: `closed`, `killed`, `crashed`.
  ///
  /// Where the compiler destroys such a message twice inside a `co_await` expression (g++ 12), a message with a
  /// destructor must not stand there: write `auto r = m.ask(query{...}, 1s); co_await r;` or `co_await m.ask<query>(1s,
  /// ...)`.
  template <class M>
  auto ask(M&& message, std::chrono::nanoseconds timeout = forever) const {
    using message_type = std::remove_cvref_t<M>;
    detail::require_handler<A, message_type>();
    if constexpr (handles<A, message_type>)
      return pending_reply<reply_of<A, message_type>, message_type>(
          start_ask<message_type>(timeout, std::forward<M>(message)));
  }

  /// The same with the message built in place from `args`.
  template <class M, class... Args>
  auto ask(std::chrono::nanoseconds timeout, Args&&... args) const {
    detail::require_handler<A, M>();
    if constexpr (handles<A, M>)
      return pending_reply<reply_of<A, M>, detail::built_in_place>(start_ask<M>(timeout, std::forward<Args>(args)...));
  }

private:
  /// Null only where a sentence of the compiler's comes with it.
  template <class M, class... Args>
  static auto make_own(Args&&... args) {
    detail::require_handler<A, M>();
    if constexpr (handles<A, M>)
      return detail::make_envelope<detail::own_envelope<M>>(detail::own_ops<A, M>, std::forward<Args>(args)...);
    else
      return static_cast<detail::envelope*>(nullptr);
  }

  template <class M, class... Args>
  future<reply_of<A, M>> start_ask(std::chrono::nanoseconds timeout, Args&&... args) const {
    static_assert(!loop_actor_class<A>, "troupe: a loop actor has no handlers whose result could be the answer");
    using R = reply_of<A, M>;
    promise<R> p(get_cell()->core().scheduler());
    p.name_parties(type_name<M>(), *get_cell());
    if (timeout == forever && detail::this_trampoline)
      p.owned_by(*get_cell());  // the wait of an actor may be part of a cycle
    future<R> answer = p.get_future(timeout);
    (void)get_cell()->enqueue(*detail::make_envelope<detail::ask_envelope<M, R>>(detail::ask_ops<A, M>, std::move(p),
                                                                                 std::forward<Args>(args)...));
    return answer;
  }
};

template <class A>
ref<A> actor::self(A* me) noexcept {
  return ref<A>(static_cast<actor*>(me)->cell_);
}

}  // namespace troupe

/// Hashes by the actor, for unordered containers.
template <>
struct std::hash<troupe::any_ref> {
  std::size_t operator()(const troupe::any_ref& r) const noexcept { return std::hash<const void*>()(r.cell_); }
};
template <class A>
struct std::hash<troupe::ref<A>> : std::hash<troupe::any_ref> {};
