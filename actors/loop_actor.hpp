#pragma once

#include <chrono>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/detail/receive_timer.hpp>
#include <troupe/base/await_temporary_bug.hpp>
#include <troupe/base/result.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe {

template <class... Ms>
class mailbox;

namespace detail {

/// What all loop actors have in common.
class loop_actor_base : public actor {
public:
  /// The loop: the actor ends when it returns, and crashes with an exception that leaves it.
  virtual task<> run() = 0;

protected:
  ~loop_actor_base() = default;
};

template <class... Ms>
struct received_type {
  using type = std::variant<Ms...>;
};
template <class M>
struct received_type<M> {
  using type = M;
};

/// Its address tells one type of messages from another.
template <class M>
inline constexpr char message_tag = 0;

/// What a loop waits for, if not for whatever comes.
struct receive_filter {
  bool (*fits)(const receive_filter&, const void* tag, const void* message);
};

/// Whatever comes.
struct any_message {};
/// Any of one type.
struct of_type {
  template <class M>
  bool operator()(const M&) const noexcept {
    return true;
  }
};

inline constexpr const char* no_message_in_time = "no message came in time";

/// Suspends a loop until a message comes that is an M for which `Predicate` holds.
template <class Loop, class M, class Predicate, bool timed>
class receiving {
  static constexpr bool filters = !std::is_same_v<M, any_message>;
  using received = typename Loop::received;
  using value = std::conditional_t<filters, M, received>;

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
  static_assert(std::is_trivially_destructible_v<Predicate>,
                "troupe: this compiler destroys a predicate with such captures that is made in a co_await expression "
                "twice; capture by reference");
#endif

public:
  receiving(Loop& loop, Predicate p, std::chrono::nanoseconds timeout) noexcept
      : loop_(&loop), filter_{{&fits}, std::move(p)}, timeout_(timeout) {}
  receiving(const receiving&) = delete;
  receiving& operator=(const receiving&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    if constexpr (filters) loop_->filter_ = &filter_;
    if constexpr (timed) timer_.start(cell_of(*loop_), timeout_);
    suspend_current(h);
    current_trampoline().why = pause::receiving;
  }

  /// Nothing, or `closed`, once the actor is closed and what was sent before does not fit.
  std::conditional_t<timed, result<value>, std::optional<value>> await_resume() {
    cell& c = cell_of(*loop_);
    const bool closed = c.drained();
    std::optional<received> got = std::exchange(loop_->slot_, std::nullopt);
    if constexpr (filters) {
      loop_->filter_ = nullptr;
      c.bring_back();
    }
    if constexpr (timed) {
      if (!got && closed) return error(errc::closed, "the actor has been closed");
      if (!got) return error(errc::timeout, no_message_in_time);
    } else {
      if (!got) return std::nullopt;
    }
    if constexpr (filters && !std::is_same_v<received, M>)
      return std::get<M>(std::move(*got));
    else
      return std::move(*got);
  }

private:
  struct filter : receive_filter {
    [[no_unique_address]] Predicate predicate;
  };
  struct nothing {};

  static bool fits(const receive_filter& f, const void* tag, const void* message) {
    if constexpr (filters)
      return tag == &message_tag<M> && static_cast<const filter&>(f).predicate(*static_cast<const M*>(message));
    else
      return true;
  }

  Loop* loop_;
  filter filter_;
  std::chrono::nanoseconds timeout_;
  [[no_unique_address]] std::conditional_t<timed, receive_timer, nothing> timer_;
};

}  // namespace detail

/// An actor that is a loop in a green thread. It declares the messages that it takes and gets them by `receive`:
///
///     class printer : public troupe::loop_actor<std::string> {
///       troupe::task<> run() override {
///         while (auto text = co_await receive()) std::cout << *text << '\n';
///       }
///     };
///
/// It ends when `run` returns. After `close`, `receive` gives what was sent before and then nothing. One that takes no
/// messages is a source: it ends by itself, or looks at `stop_requested()`.
///
/// Messages that a selective receive does not want stay, in their order, and are looked at first by the next one, as in
/// Erlang.
template <class... Ms>
class loop_actor : public detail::loop_actor_base {
public:
  /// The messages that it takes.
  using message_types = std::tuple<Ms...>;
  /// The message, or a variant where several types are taken.
  using received =
      std::conditional_t<sizeof...(Ms) == 0, std::type_identity<std::monostate>, detail::received_type<Ms...>>::type;

  /// Internal: what the inbox delivers.
  template <class M>
  void accept(M& message) {
    if (filter_ && !filter_->fits(*filter_, &detail::message_tag<M>, &message)) return cell_of(*this).set_aside();
    slot_.emplace(std::move(message));
  }

protected:
  /// The next message, or nothing once the actor is closed and all that was sent before has been received.
  auto receive() noexcept {
    static_assert(sizeof...(Ms) != 0, "troupe: this loop_actor declares no message to receive");
    return wait<detail::any_message, detail::of_type, false>({}, {});
  }

  /// The next message as a `result`. Errors: `timeout`, and `closed` in place of nothing. Whoever waits for the runtime
  /// to come to rest does not wait for the timeout.
  auto receive_for(std::chrono::nanoseconds timeout) noexcept {
    static_assert(sizeof...(Ms) != 0, "troupe: this loop_actor declares no message to receive");
    return wait<detail::any_message, detail::of_type, true>({}, timeout);
  }

  /// The next M, whatever stands before it; and the next for which `predicate(const M&)` holds. Nothing once the actor
  /// is closed and none was sent before; other messages can still be received then. The predicate may be called more
  /// than once for a message; what it throws crashes the actor.
  template <class M>
  auto receive() noexcept {
    return receive_if<M>(detail::of_type{});
  }
  template <class M, class Predicate>
  auto receive_if(Predicate predicate) noexcept {
    require_declared<M>();
    return wait<M, Predicate, false>(std::move(predicate), {});
  }

  /// The same with a timeout, as `receive_for`.
  template <class M>
  auto receive_for(std::chrono::nanoseconds timeout) noexcept {
    return receive_for<M>(timeout, detail::of_type{});
  }
  template <class M, class Predicate>
  auto receive_for(std::chrono::nanoseconds timeout, Predicate predicate) noexcept {
    require_declared<M>();
    return wait<M, Predicate, true>(std::move(predicate), timeout);
  }

private:
  template <class Loop, class M, class Predicate, bool timed>
  friend class detail::receiving;
  friend class mailbox<Ms...>;

  template <class M>
  static consteval void require_declared() {
    static_assert((std::is_same_v<M, Ms> || ...), "troupe: this loop_actor does not declare the message to receive");
  }

  template <class M, class Predicate, bool timed>
  auto wait(Predicate predicate, std::chrono::nanoseconds timeout) noexcept {
    return detail::receiving<loop_actor, M, Predicate, timed>(*this, std::move(predicate), timeout);
  }

  std::optional<received> slot_;
  const detail::receive_filter* filter_ = nullptr;  // of a selective receive
};

/// True for classes derived from `loop_actor`.
template <class A>
concept loop_actor_class = std::is_base_of_v<detail::loop_actor_base, A>;

}  // namespace troupe
