#pragma once

#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/states.hpp>
#include <troupe/actors/supervision.hpp>
#include <troupe/base/type_name.hpp>

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
/// Handlers of one actor never overlap (C2), so its members need no locks. In a class with
/// `static constexpr bool reentrant = true;` those that are coroutines do, but only at their waits: what a handler has
/// seen before a `co_await` may have changed behind it. The functions below are for the actor itself: its constructor,
/// handlers and `run`.
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

  /// Ends this actor with a reason of its own, as a crash does: when its handler returns or waits, what is queued is
  /// lost and counted (`loss::killed`), questions are answered with an error, and `on_stop` is not called. Those who
  /// are told see `exit_kind::exited`. Of several reasons the first counts.
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
  /// `on(const exit_signal&)` gets that message instead, whatever the reason. If the other has ended this happens at
  /// once. Twice is once.
  void link(const any_ref& other);

  /// Unties them: after this the end of one does nothing to the other.
  void unlink(const any_ref& other) noexcept;

  /// Makes an actor of class A below this one, as `supervisor::spawn`: this one is its supervisor. When this one ends
  /// or is made anew its children end before, the last first: closed if it was closed, killed if it crashed or was
  /// killed. When they crash too often it crashes too. Throws what `supervisor::spawn` throws.
  template <class A, class... Args>
  ref<A> spawn_child(child_options options, Args&&... args);

  /// How it supervises its children; before the first `spawn_child`. Throws `troupe_error` (`invalid_argument`).
  void supervise_children(supervisor_options options);

  /// Its children that have not ended, in the order of their start.
  std::vector<any_ref> children() const;

  /// True once this actor has been told to close; for loops that do not `receive`.
  bool stop_requested() const noexcept { return cell_->stop_requested(); }

  /// True in the handler of a question once whoever asked it has given up: by a timeout, by `cancel`, or by dropping
  /// the future. For handlers that have much to do and do not wait; the waits of one that is a coroutine are called off
  /// then, and `this_task::stop_token()` says so too. False in a handler that has taken the promise of its reply, whose
  /// `unwanted()` tells the same.
  bool asker_gone() const noexcept { return cell_->asker_gone(); }

  /// Puts off the message that is being handled: it comes again, before all others, when `unstash_all` is called.
  /// Whoever has asked gets no answer from this run of the handler, whatever it returns. At the end of the actor what
  /// is stashed is lost as what is queued. Throws `troupe_error` (`invalid_argument`) outside of the handler of a
  /// message, at the second call in one, and in one that takes the message itself (`M`, `M&&`) or its promise.
  void stash() { cell_->stash(); }

  /// Puts all that was stashed before this message in front of the inbox, in the order of the stashing.
  void unstash_all() { cell_->unstash_all(); }

  /// For a handler whose reply another actor is to give: `return delegate(ref, message);` sends the message there, as a
  /// question if this one was asked, and that actor's reply or end goes to whoever asked. `to` is a `ref`, or an
  /// `address<R(M)>`.
  template <class To, class M>
  static auto delegate(const To& to, M&& message);

  /// Makes `state` the innermost state of this actor, which declares its class: `using states = troupe::states<...>;`.
  /// A message goes to the innermost state that has a handler for it, else to the actor's own. `state` must live until
  /// it is left.
  template <class S>
  void become(S& state) {
    cell_->become(&detail::state_tag<S>, &state, type_name<S>());
  }

  /// Leaves the innermost state. Does nothing in none.
  void unbecome() noexcept { cell_->unbecome(); }

  /// Calls `void on_idle()`, which the class then has, when no message has come for so long, and again after each
  /// further time without one; `forever` ends that. Throws `troupe_error` (`invalid_argument`) if there is no such
  /// function, or for a time that is not positive. A handler that waits is at work.
  void set_idle_timeout(std::chrono::nanoseconds after) { cell_->set_idle_timeout(after); }

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

/// True for classes derived from `actor`.
template <class A>
concept actor_class = std::is_base_of_v<actor, A>;

}  // namespace troupe

#include <troupe/actors/loop_actor.hpp>
