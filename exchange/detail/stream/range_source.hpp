#pragma once

#include <concepts>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/exchange/detail/stream/failures.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>
#include <troupe/exchange/detail/stream/stages.hpp>

/// Streams over plain ranges: whoever calls the terminal operation runs them. Internal.
namespace troupe::detail {

template <class R>
concept copyable_view = std::ranges::view<R> && std::copyable<R>;

template <class R>
using as_read = std::conditional_t<std::ranges::input_range<const R>, const R, R>;

/// A range of somebody else's.
template <class R>
struct referred_range {
  static constexpr bool moves = false;
  using range = as_read<R>;
  using item = range_item_t<std::ranges::range_reference_t<range>>;
  R* there;
  range& get() noexcept { return *there; }
};

/// One that the stream keeps, for all copies of itself. Items that cannot be copied are moved out by the first run.
template <class R>
struct kept_range {
  static constexpr bool moves = !std::copy_constructible<std::ranges::range_value_t<R>>;
  using range = std::conditional_t<moves, R, as_read<R>>;
  using item =
      std::conditional_t<moves, std::ranges::range_value_t<R>&&, range_item_t<std::ranges::range_reference_t<range>>>;
  std::shared_ptr<R> there;
  range& get() noexcept { return *there; }
};

/// A view, which is small and refers to something itself.
template <class V>
struct viewed_range {
  static constexpr bool moves = false;
  using range = V;
  using item = range_item_t<std::ranges::range_reference_t<V>>;
  V there;
  range& get() noexcept { return there; }
};

/// What runs a stream over a range: `step` pushes one item.
template <class Held, class Sink>
class range_program {
public:
  template <class... Stages, class End>
  range_program(const Held& held, const std::tuple<Stages...>& stages, End&& end)
      : held_(held),
        sink_(connect<typename Held::item>(stages, std::move(end))),
        at_(std::ranges::begin(held_.get())),
        end_(std::ranges::end(held_.get())) {
    static_assert(!Sink::restarts || !Held::moves,
                  "troupe: retry goes through a range again, and this one's items are moved out by the first time");
  }
  range_program(const range_program&) = delete;
  range_program& operator=(const range_program&) = delete;

  bool step() {
    if (at_ == end_) return false;
    const bool more = sink_.push(static_cast<typename Held::item>(*at_));
    ++at_;
    return more;
  }
  /// Leaves the item behind that has failed.
  void skip() {
    if (at_ != end_) ++at_;
  }
  void complete() { sink_.complete(); }
  flow fail(std::exception_ptr why) { return sink_.fail(std::move(why)); }
  bool wants() const { return sink_.wants(); }
  bool restart() {
    if (!sink_.restart()) return false;
    begin();
    return true;
  }
  void reset_all() {
    sink_.reset_all();
    begin();
  }

private:
  void begin() {
    at_ = std::ranges::begin(held_.get());
    end_ = std::ranges::end(held_.get());
  }

  Held held_;
  Sink sink_;
  std::ranges::iterator_t<typename Held::range> at_;
  std::ranges::sentinel_t<typename Held::range> end_;
};

template <class Held>
struct range_source {
  static constexpr bool over_ranges = true;
  static constexpr std::size_t inputs = 0;
  using item = typename Held::item;
  template <class Sink>
  using program = range_program<Held, Sink>;

  Held held;

  template <class Sink, class... Stages, class End>
  program<Sink> connect_to(const std::tuple<Stages...>& stages, End&& end) const {
    return program<Sink>(held, stages, std::move(end));
  }
};

/// Runs a stream to its end on the caller's stack. Lets the failures through that nobody handles.
template <class Program>
void run_through(Program& p) {
  bool through = false;
  for (;;) {
    std::exception_ptr why;
    try {
      if (!through) {
        while (p.step()) {
        }
      }
      through = true;
      return p.complete();
    } catch (...) {
      why = std::current_exception();
    }
    switch (settle(p, why)) {
      case flow::unhandled: std::rethrow_exception(why);
      case flow::again:
        if (p.restart())
          through = false;
        else if (!through)
          p.skip();  // only a group of many begins anew
        break;
      case flow::handled:
        if (!p.wants())
          through = true;
        else if (!through)
          p.skip();
        break;
    }
  }
}

}  // namespace troupe::detail
