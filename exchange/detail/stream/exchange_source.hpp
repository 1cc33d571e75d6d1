#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/exchange/detail/stream/failures.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>
#include <troupe/exchange/exchange.hpp>

/// Streams over exchanges. Internal.
namespace troupe::detail {

/// The stages behind one input.
template <class M, class Sink>
class input_program {
public:
  template <class... Stages, class End>
  input_program(const std::tuple<Stages...>& stages, End&& end) : sink_(connect<const M&>(stages, std::move(end))) {}
  input_program(const input_program&) = delete;
  input_program& operator=(const input_program&) = delete;

  void start(stream_clock& clock) { sink_.start(clock); }
  template <std::size_t>
  bool push(const M& message) {
    return sink_.push(message);
  }
  void complete() { sink_.complete(); }
  flow fail(std::exception_ptr why) { return sink_.fail(std::move(why)); }
  bool wants() const { return sink_.wants(); }
  void settle_sides() noexcept {}
  template <std::size_t>
  bool wants_input() const {
    return wants();
  }
  bool restart() { return sink_.restart(); }
  void reset_all() { sink_.reset_all(); }

private:
  Sink sink_;
};

/// How a stream keeps what `attach_input` is to be given beside the actor: a key, and options.
template <class T>
using attach_argument_t = std::conditional_t<std::is_convertible_v<T, std::string>, std::string, T>;

/// `Args` are for `attach_input`.
template <class M, class... Args>
struct exchange_source {
  static constexpr bool over_ranges = false;
  static constexpr std::size_t inputs = 1;
  using item = const M&;
  using message = M;
  template <class Sink>
  using program = input_program<M, Sink>;

  exchange<M> from;
  std::tuple<Args...> args;

  template <class Sink, class... Stages, class End>
  program<Sink> connect_to(const std::tuple<Stages...>& stages, End&& end) const {
    return program<Sink>(stages, std::move(end));
  }
  /// Calls `visit(std::integral_constant<std::size_t, number of the input>, exchange_source)`.
  template <std::size_t First, class Visit>
  void visit_inputs(Visit& visit) const {
    visit(std::integral_constant<std::size_t, First>(), *this);
  }
  subscription attach(const address<M>& to) const {
    exchange<M> handle(from);
    return std::apply([&](const Args&... a) { return handle.attach_input(to, a...); }, args);
  }
};

}  // namespace troupe::detail
