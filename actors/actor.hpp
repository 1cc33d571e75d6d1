#pragma once

#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/supervision.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe {

class runtime;
class any_ref;
class monitor_handle;
template <class A>
class ref;

/// The base of all actors. Derive from it publicly and give the class public `on` overloads, one for each message that
/// it takes: `void on(const tick&)`, `double on(get_mean) const`, `task<reply> on(query)`. What a handler returns is
/// the reply to an `ask`. `void on_start()` and `void on_stop()` are called if the class has them: before the first
/// message, and after the last when the actor was closed.
///
/// Handlers of one actor never overlap (C2), so its members need no locks. The functions below are for the actor itself:
/// its constructor, handlers and `run`.
class actor {
public:
  actor(const actor&) = delete;
  actor& operator=(const actor&) = delete;

protected:
  /// Throws `troupe_error` if the object is not made by `runtime::spawn`.
  actor();
  ~actor() = default;

  /// A reference to oneself: `self(this).send(x)`.
  template <class A>
  static ref<A> self(A* me) noexcept;

  /// Ends this actor after what has been sent to it before.
  void close_self() noexcept { cell_->close(); }

  /// Ends this actor with a reason of its own, as a crash does: when its handler returns or waits, what is queued is lost
  /// and counted (`loss::killed`), questions are answered with an error, and `on_stop` is not called. Those who are told
  /// see `exit_kind::exited`. Of several reasons the first counts.
  void exit(std::string text, int code = 0);
  /// The same with a number only.
  void exit(int code) { exit(std::string(), code); }

  /// Asks for the news of another's end: a message `down` to the handler `on(const down&)` of this actor, once. If the
  /// other has ended it comes at once. Each call asks for one more. `monitor(this, other)`.
  template <class A>
  static monitor_handle monitor(A* me, const any_ref& other);

  /// Takes that back: after this the message does not come.
  void demonitor(const monitor_handle& m) noexcept;

  /// Ties this actor and another together: when one ends by a crash, a kill or an `exit` the other ends with the same
  /// reason, as if killed; when one is closed by a shutdown the other is closed. One whose class has a handler
  /// `on(const exit_signal&)` gets that message instead, whatever the reason. If the other has ended this happens at once.
  /// Twice is once.
  void link(const any_ref& other);

  /// Unties them: after this the end of one does nothing to the other.
  void unlink(const any_ref& other) noexcept;

  /// Makes an actor of class A below this one, as `supervisor::spawn`: this one is its supervisor. When this one ends or
  /// is made anew its children end before, the last first: closed if it was closed, killed if it crashed or was killed.
  /// When they crash too often it crashes too. Throws what `supervisor::spawn` throws.
  template <class A, class... Args>
  ref<A> spawn_child(child_options options, Args&&... args);

  /// How it supervises its children; before the first `spawn_child`. Throws `troupe_error` (`invalid_argument`).
  void supervise_children(supervisor_options options);

  /// Its children that have not ended, in the order of their start.
  std::vector<any_ref> children() const;

  /// True once this actor has been told to close; for loops that do not `receive`.
  bool stop_requested() const noexcept { return cell_->stop_requested(); }

  /// The name given at spawn, or class#id.
  std::string name() const { return cell_->name(); }

  /// A number that no other actor of this runtime has or had.
  std::uint64_t id() const noexcept { return cell_->id(); }

private:
  template <class A>
  friend class ref;
  friend cell& cell_of(const actor& a) noexcept;

  cell* cell_;
};

/// Internal: the cell of an actor.
inline cell& cell_of(const actor& a) noexcept { return *a.cell_; }

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
  void accept(M&& message) {
    slot_.emplace(std::forward<M>(message));
  }

protected:
  /// The next message, or nothing once the actor is closed and all that was sent before has been received.
  auto receive() noexcept {
    static_assert(sizeof...(Ms) != 0, "troupe: this loop_actor declares no message to receive");
    struct awaiter {
      std::optional<received>* slot;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> h) const noexcept {
        detail::suspend_current(h);
        detail::current_trampoline().why = detail::pause::receiving;
      }
      std::optional<received> await_resume() const noexcept { return std::exchange(*slot, std::nullopt); }
    };
    return awaiter{&slot_};
  }

private:
  std::optional<received> slot_;
};

/// True for classes derived from `loop_actor`.
template <class A>
concept loop_actor_class = std::is_base_of_v<detail::loop_actor_base, A>;

/// True for classes derived from `actor`.
template <class A>
concept actor_class = std::is_base_of_v<actor, A>;

}  // namespace troupe
