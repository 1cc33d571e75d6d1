#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

/// How the operators of a stream become one object: each holds the next as a member and pushes into it, so that the
/// compiler sees one loop. Internal.
///
/// OP1. `push` gives false once no more is wanted, and ignores what is pushed after that; `wants` says the same at any
///      time. Whoever drives the stream completes it then.
/// OP2. `complete` comes when all has been pushed or no more is wanted: what is held back is pushed on. It may come
///      again after a failure in it, and then pushes nothing twice.
/// OP3. An exception leaves all of them and comes to whoever drives the stream, who calls `fail` of the first. The
///      failure belongs to the first error operator behind the one that threw: the first whose `push` or `complete` is
///      not under way. Without one the end of the stream gets it. What `fail` throws is the next failure.
/// OP4. `restart` brings all in front of the error operator that has said `flow::again` to their first state; false if
///      that one is not behind.
namespace troupe::detail {

class stream_clock;

/// What has become of a failure.
enum class flow : std::uint8_t {
  unhandled,  ///< nobody has handled it
  handled,    ///< the stream goes on if it still wants to
  again,      ///< what stands in front of the operator that says this is to begin anew
};

/// The type of an item as it is passed on: what a function returned goes by rvalue reference.
template <class T>
using passed_t = std::conditional_t<std::is_reference_v<T>, T, T&&>;

/// The part of an operator that most have in common; `Self` is its class, whose `reset` brings it to its first state.
template <class Self, class Next>
class stage_sink {
public:
  /// Whether something behind it begins anew after failures: then a source is gone through more than once.
  static constexpr bool restarts = Next::restarts;

  explicit stage_sink(Next&& next) : next_(std::move(next)) {}

  /// Before the first item, when it has its place in memory for good. Not called over plain ranges.
  void start(stream_clock& clock) { next_.start(clock); }
  void complete() { next_.complete(); }
  flow fail(std::exception_ptr why) { return next_.fail(std::move(why)); }
  bool wants() const { return next_.wants(); }
  bool restart() {
    if (!next_.restart()) return false;
    static_cast<Self*>(this)->reset();
    return true;
  }
  /// All from this one to the end to which it leads inside of the stream.
  void reset_all() {
    static_cast<Self*>(this)->reset();
    next_.reset_all();
  }
  void reset() noexcept {}

protected:
  Next next_;
};

/// The type of the stages connected to an end; `In` is the type that the first gets.
template <class In, class End, class... Stages>
struct connected {
  using type = End;
};
template <class In, class End, class First, class... Others>
struct connected<In, End, First, Others...> {
  using type =
      typename First::template sink<In, typename connected<typename First::template out<In>, End, Others...>::type>;
};
template <class In, class End, class... Stages>
using connected_t = typename connected<In, End, Stages...>::type;

/// Connects the stages from the `I`th on.
template <class In, std::size_t I = 0, class End, class... Stages>
auto connect(const std::tuple<Stages...>& stages, End&& end) {
  if constexpr (I == sizeof...(Stages)) {
    return std::move(end);
  } else {
    using stage = std::tuple_element_t<I, std::tuple<Stages...>>;
    using out = typename stage::template out<In>;
    auto next = connect<out, I + 1>(stages, std::move(end));
    return typename stage::template sink<In, decltype(next)>(std::get<I>(stages), std::move(next));
  }
}

/// The type that comes out of the last of the stages.
template <class In, class... Stages>
struct item_behind {
  using type = In;
};
template <class In, class First, class... Others>
struct item_behind<In, First, Others...> : item_behind<typename First::template out<In>, Others...> {};

/// What the ends of streams have in common, also of those inside of others.
class stream_end {
public:
  static constexpr bool restarts = false;
  void start(stream_clock&) noexcept {}
  void complete() noexcept {}
  flow fail(const std::exception_ptr&) noexcept { return flow::unhandled; }
  bool wants() const noexcept { return true; }
  bool restart() noexcept { return false; }
  void reset_all() noexcept {}
};

}  // namespace troupe::detail
