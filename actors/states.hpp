#pragma once

#include <type_traits>

namespace troupe {

/// The states of an actor class that has some: `using states = troupe::states<open, closed>;`. A state is a class with
/// public `on` overloads, of which the actor has an object; `become(object)` and `unbecome()` say which are active.
template <class... S>
struct states {};

namespace detail {

/// Its address tells one class of states from another.
template <class S>
inline constexpr char state_tag = 0;

/// A state that an actor is in.
struct active_state {
  const void* tag;
  void* object;
  const char* name;
  const active_state* outer;  ///< the one that it is in after `unbecome`; null: none
};

template <class T>
inline constexpr bool is_states = false;
template <class... S>
inline constexpr bool is_states<states<S...>> = true;

/// Whether a class declares states.
template <class A>
concept has_states = is_states<typename A::states>;

template <class S, class States>
inline constexpr bool is_state_among = false;
template <class S, class... All>
inline constexpr bool is_state_among<S, states<All...>> = (std::is_same_v<S, All> || ...);

}  // namespace detail
}  // namespace troupe
