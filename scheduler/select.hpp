#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <variant>

#include <troupe/scheduler/wait.hpp>

// Waiting for one of several things.
//
// SE1. A selection looks at its alternatives and puts itself into their lines while it holds the locks of them all,
//     taken in the order of their addresses: nothing happens between its looks, and two selections cannot block each
//     other.
// SE2. `state_` decides: whoever exchanges `waiting` for `over` has ended the wait (WL1). A node in a line is a bid
//     only; the party takes those of the other alternatives out before it goes on (WL2).

namespace troupe {

namespace detail {

class selection_base;

/// A number to begin at, so that nobody is favoured. The same on a deterministic loop in every run with the same seed.
std::uint32_t draw() noexcept;

/// One of the things that a selection waits for.
class alternative_base : public wait_node {
public:
  alternative_base() noexcept : wait_node(bid{}) {}

  void resume() noexcept final;

  virtual spin_lock* guard() noexcept = 0;  ///< null: nothing to wait for but the time
  virtual bool try_fast() = 0;
  virtual bool try_locked(wake_list& woken) = 0;
  virtual void left(wake_list& woken) noexcept = 0;
  virtual void give_back() noexcept = 0;

  selection_base* selection = nullptr;
  std::chrono::nanoseconds timeout = forever;

protected:
  ~alternative_base() = default;

private:
  bool end_bid(wait_outcome how) noexcept final;
};

/// A selection, whatever its alternatives.
class selection_base : public party_wait {
public:
  selection_base(const selection_base&) = delete;
  selection_base& operator=(const selection_base&) = delete;

protected:
  using alternatives = std::span<alternative_base* const>;

  selection_base() = default;
  ~selection_base() = default;

  void begin(alternatives all) noexcept;
  void block(alternatives all);
  bool ready(alternatives all);
  void suspend(alternatives all, std::coroutine_handle<> h);
  /// WL2. Afterwards nobody touches the selection or its alternatives.
  void finish(alternatives all) noexcept;

  /// For which alternative the wait has ended, and how.
  alternative_base* chosen_ = nullptr;
  wait_outcome outcome_ = wait_outcome::pending;

private:
  friend class alternative_base;
  class locks;

  // arriving (the party looks and links) -> waiting -> over (whoever ends the wait), or arriving -> over (the party),
  // or arriving -> called_off (timer or canceller, before anything was linked) -> over (the party). Each change is
  // acq_rel and pairs with the next.
  enum class state : std::uint8_t { arriving, waiting, over, timeout, cancelled };

  bool claim(alternative_base& a, wait_outcome how) noexcept;
  void choose(alternative_base* a, wait_outcome how) noexcept;
  bool leave(wait_outcome how) noexcept override;
  void resume_party() noexcept override { wake_party(); }
  bool take_or_link(alternatives all);

  atomic<state> state_{state::arriving};
  bool linked_ = false;
  alternative_base* soonest_ = nullptr;  // whose time is over first
};

/// An alternative of a certain kind, made of the operation that names it.
template <class Request>
class alternative final : public alternative_base {
public:
  explicit alternative(operation<Request>&& o) noexcept : request_(std::move(o.request_)) { timeout = o.timeout_; }

  auto finish(const wait_end& how) {
    if constexpr (requires { request_.owner(); })
      return request_.finish(how, nullptr);  // a wait with alternatives is no deadlock: it is not in the graph
    else
      return request_.finish(how);
  }

private:
  spin_lock* guard() noexcept override { return &request_.guard(); }
  bool try_fast() override { return request_.try_fast(party); }
  bool try_locked(wake_list& woken) override { return detail::try_locked(request_, *this, woken); }
  void left(wake_list& woken) noexcept override { request_.left(woken); }
  void give_back() noexcept override { request_.give_back(); }

  Request request_;
};

/// Nothing but time.
struct delay {
  std::chrono::nanoseconds time;
};

template <>
class alternative<delay> final : public alternative_base {
public:
  explicit alternative(delay d) noexcept { timeout = d.time; }

  void finish(const wait_end&) const noexcept {}

private:
  spin_lock* guard() noexcept override { return nullptr; }
  bool try_fast() override { return false; }
  bool try_locked(wake_list&) override { return false; }
  void left(wake_list&) noexcept override {}
  void give_back() noexcept override {}
};

template <class Request>
inline constexpr bool all_or_nothing = true;
template <class Request>
requires requires { Request::all_or_nothing; }
inline constexpr bool all_or_nothing<Request> = Request::all_or_nothing;

/// What an alternative gives.
template <class Request>
using given = decltype(std::declval<alternative<Request>&>().finish(wait_outcome::granted));

template <class T>
using or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

}  // namespace detail

/// Waits for the first of several operations: see `select`. Used once, as an operation; belongs to whoever made it.
template <class... Requests>
class [[nodiscard]] selection final : detail::selection_base {
  static_assert((detail::all_or_nothing<Requests> && ...), "troupe: what may take effect by halves cannot be selected");

public:
  /// Which alternative it was, by `index()`, and what it gave; `std::monostate` if it gives nothing.
  using value_type = std::variant<detail::or_monostate<detail::given<Requests>>...>;

  template <class... Operations>
  explicit selection(std::in_place_t, Operations&&... operations) noexcept
      : alternatives_(std::forward<Operations>(operations)...) {
    begin(all());
  }
  ~selection() {
    finish(all());
    if (outcome_ == detail::wait_outcome::granted && !used_) chosen_->give_back();
  }

  /// Blocks the calling OS thread.
  value_type get() {
    block(all());
    return use();
  }

  auto operator co_await() & noexcept { return awaiter{this}; }
  auto operator co_await() && noexcept {
    detail::refuse_temporary<Requests...>();
    return awaiter{this};
  }

private:
  static constexpr std::size_t count = sizeof...(Requests);

  struct awaiter {
    selection* s;
    bool await_ready() const { return s->ready(s->all()); }
    void await_suspend(std::coroutine_handle<> h) const { s->suspend(s->all(), h); }
    value_type await_resume() const { return s->use(); }
  };

  std::span<detail::alternative_base* const> all() noexcept {
    if (!pointers_[0]) std::apply([this](auto&... each) { pointers_ = {&each...}; }, alternatives_);
    return pointers_;
  }

  value_type use() {
    finish(all());
    used_ = true;
    if (!chosen_) throw troupe_error(detail::error_of(outcome_, "one of several things"));
    return value<0>();
  }

  template <std::size_t I>
  value_type value() {
    auto& a = std::get<I>(alternatives_);
    if constexpr (I + 1 != count) {
      if (&a != chosen_) return value<I + 1>();
    }
    const detail::wait_end end(outcome_, a.timeout);
    if constexpr (std::is_void_v<decltype(a.finish(end))>) {
      a.finish(end);
      return value_type(std::in_place_index<I>);
    } else {
      return value_type(std::in_place_index<I>, a.finish(end));
    }
  }

  std::tuple<detail::alternative<Requests>...> alternatives_;
  std::array<detail::alternative_base*, count> pointers_{};
  bool used_ = false;
};

/// An alternative that comes true when the time is over.
inline detail::delay after(std::chrono::nanoseconds time) noexcept { return {time}; }

namespace detail {
template <class Request>
Request requested(operation<Request>&&);
delay requested(delay&&);
}  // namespace detail

/// Waits for the first of several operations, any mix of sending to and receiving from channels, events, locks and
/// `after`: `auto chosen = co_await select(a.receive(), b.send(x), after(1s));`, or `.get()` on an OS thread. Gives a
/// `std::variant`, whose `index()` says which one it was.
///
/// Exactly one alternative takes effect; the others leave no trace. Of several that are ready each is as likely; when
/// the time of one (`after`, `try_receive_for`) is over, and not before, it is that one. With `after(0s)` it does not
/// wait. Throws `troupe_error` if it has none to give: `cancelled`, if the caller is told to stop meanwhile, `deadlock`
/// and `would_deadlock` on OS threads where the wait could not end.
template <class... Operations>
auto select(Operations&&... operations) noexcept {
  static_assert(sizeof...(Operations) != 0 && (!std::is_lvalue_reference_v<Operations> && ...),
                "troupe: select takes operations that are made for it: select(a.receive(), after(1s))");
  return selection<decltype(detail::requested(std::move(operations)))...>(std::in_place, std::move(operations)...);
}

}  // namespace troupe
