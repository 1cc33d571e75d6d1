#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/actors/behavior.hpp>
#include <troupe/actors/loop_actor.hpp>
#include <troupe/actors/ref.hpp>

namespace troupe {

template <class... Ms>
class coroutine_actor;

/// What a coroutine that is an actor receives from, its first parameter:
///
///     troupe::task<> printer(troupe::mailbox<std::string> in, std::string prefix) {
///       while (auto text = co_await in.receive()) std::cout << prefix << *text << '\n';
///     }
///     auto p = rt.spawn_loop(printer, "> ");
///
/// A handle of one word, valid in that coroutine and what it awaits.
template <class... Ms>
class mailbox {
public:
  /// Internal.
  explicit mailbox(coroutine_actor<Ms...>& a) noexcept : actor_(&a) {}

  /// As those of `loop_actor`.
  auto receive() const noexcept { return loop().receive(); }
  auto receive_for(std::chrono::nanoseconds timeout) const noexcept { return loop().receive_for(timeout); }
  template <class M>
  auto receive() const noexcept {
    return loop().template receive<M>();
  }
  template <class M, class Predicate>
  auto receive_if(Predicate predicate) const noexcept {
    return loop().template receive_if<M>(std::move(predicate));
  }
  template <class M>
  auto receive_for(std::chrono::nanoseconds timeout) const noexcept {
    return loop().template receive_for<M>(timeout);
  }
  template <class M, class Predicate>
  auto receive_for(std::chrono::nanoseconds timeout, Predicate predicate) const noexcept {
    return loop().template receive_for<M>(timeout, std::move(predicate));
  }

  /// A reference to the actor.
  ref<coroutine_actor<Ms...>> self() const noexcept { return ref<coroutine_actor<Ms...>>(&cell_of(*actor_)); }

  /// True once the actor has been told to close; for loops that do not receive.
  bool stop_requested() const noexcept { return cell_of(*actor_).stop_requested(); }

private:
  loop_actor<Ms...>& loop() const noexcept { return *actor_; }

  coroutine_actor<Ms...>* actor_;
};

/// The class of an actor that is a coroutine: `troupe::ref<troupe::coroutine_actor<std::string>>` is what `spawn_loop`
/// gives for one that takes a `mailbox<std::string>`.
template <class... Ms>
class coroutine_actor final : public loop_actor<Ms...> {
public:
  /// Internal; users call `spawn_loop`.
  template <class F, class... Args>
  explicit coroutine_actor(F f, Args... args)
      : body_(std::make_unique<bound<F, Args...>>(std::move(f), std::move(args)...)) {}

  task<> run() override { return body_->begin(mailbox<Ms...>(*this)); }

private:
  struct body {
    body() = default;
    body(const body&) = delete;
    body& operator=(const body&) = delete;
    virtual ~body() = default;
    virtual task<> begin(mailbox<Ms...> in) = 0;
  };

  /// Callable and arguments, kept until the actor has ended.
  template <class F, class... Args>
  struct bound final : body {
    explicit bound(F f, Args... as) : function(std::move(f)), args(std::move(as)...) {}
    task<> begin(mailbox<Ms...> in) override {
      return std::apply([&](Args&... as) { return function(in, std::move(as)...); }, args);
    }
    F function;
    std::tuple<Args...> args;
  };

  std::unique_ptr<body> body_;
};

namespace detail {

template <class Signature>
struct loop_signature {
  static constexpr bool is_loop = false;
  using actor = coroutine_actor<>;
};
template <class... Ms, class... Args>
struct loop_signature<task<>(mailbox<Ms...>, Args...)> {
  static constexpr bool is_loop = true;
  using actor = coroutine_actor<Ms...>;
};

template <class F>
struct coroutine_actor_of {
  using signature = loop_signature<typename signature_of<F>::type>;
  static_assert(signature::is_loop,
                "troupe: spawn_loop takes a coroutine task<>(mailbox<M...>, ...) and the rest of its arguments");
  using type = typename signature::actor;
};

}  // namespace detail
}  // namespace troupe
