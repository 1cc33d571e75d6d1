#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/handlers.hpp>

namespace troupe {

/// Handlers that are callables, for an actor without a class: `rt.spawn(troupe::handlers{[](const tick&) { ... }})`.
/// Each takes one message (`const M&`, `M`, `M&&`), or that and the promise of its reply, as an `on` of a class does.
/// They share no lock: one of them runs at a time.
template <class... Fs>
class handlers {
public:
  /// Takes over the callables.
  explicit handlers(Fs... fs) : functions(std::move(fs)...) {}

  std::tuple<Fs...> functions;  ///< in the order given
};

namespace detail {

/// One handler of an actor without a class.
template <class Signature>
class behavior_part;
template <class R, class... Args>
class behavior_part<R(Args...)> {
public:
  R on(Args... args) { return call_(function_, std::forward<Args>(args)...); }

protected:
  template <class F>
  void set(F& f) noexcept {
    function_ = &f;
    call_ = [](void* function, Args... as) -> R { return (*static_cast<F*>(function))(std::forward<Args>(as)...); };
  }

private:
  void* function_ = nullptr;
  R (*call_)(void*, Args...) = nullptr;
};

/// The signature of a callable that is not overloaded.
template <class F>
struct signature_of_member;
template <class R, class F, class... Args>
struct signature_of_member<R (F::*)(Args...)> {
  using type = R(Args...);
};
template <class R, class F, class... Args>
struct signature_of_member<R (F::*)(Args...) const> {
  using type = R(Args...);
};
template <class R, class F, class... Args>
struct signature_of_member<R (F::*)(Args...) noexcept> {
  using type = R(Args...);
};
template <class R, class F, class... Args>
struct signature_of_member<R (F::*)(Args...) const noexcept> {
  using type = R(Args...);
};

template <class F>
concept has_one_signature = requires {
  &F::operator();
};

template <class F>
struct signature_of {
  static_assert(
      has_one_signature<F>,
      "troupe: each of the handlers is a lambda that names the type of its message: [](const tick& t) { ... }");
};
template <has_one_signature F>
struct signature_of<F> : signature_of_member<decltype(&F::operator())> {};
template <class R, class... Args>
struct signature_of<R (*)(Args...)> {
  using type = R(Args...);
};

}  // namespace detail

/// The class of an actor made of `handlers`, by their signatures: `troupe::ref<troupe::behavior<void(const tick&),
/// double(get_mean)>>` is what `spawn` gives.
template <class... Signatures>
class behavior final : public actor, public detail::behavior_part<Signatures>... {
public:
  using detail::behavior_part<Signatures>::on...;

  /// Internal; users call `spawn`.
  template <class... Fs>
  explicit behavior(handlers<Fs...> h) : functions_(keep(std::move(h.functions))) {
    auto& kept = *static_cast<std::tuple<Fs...>*>(functions_.get());
    std::apply([this](auto&... f) { (this->detail::template behavior_part<Signatures>::set(f), ...); }, kept);
  }

private:
  using owner = std::unique_ptr<void, void (*)(void*)>;
  template <class Tuple>
  static owner keep(Tuple&& functions) {
    return owner(new Tuple(std::move(functions)), [](void* p) { delete static_cast<Tuple*>(p); });
  }

  owner functions_;
};

namespace detail {
template <class... Fs>
using behavior_of = behavior<typename signature_of<Fs>::type...>;
}  // namespace detail

}  // namespace troupe
