#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/exchange/detail/stream/ends.hpp>
#include <troupe/exchange/detail/stream/failures.hpp>
#include <troupe/exchange/detail/stream/groups.hpp>
#include <troupe/exchange/detail/stream/joins.hpp>
#include <troupe/exchange/detail/stream/range_source.hpp>
#include <troupe/exchange/detail/stream/requirements.hpp>
#include <troupe/exchange/detail/stream/stages.hpp>
#include <troupe/exchange/detail/stream/windows.hpp>

namespace troupe {

/// What `group_by` may remember.
struct group_options {
  std::size_t limit = 10'000;  ///< groups, those that have ended among them; one more is an error (`full`)
};

/// What `zip` may hold.
struct zip_options {
  std::size_t limit = 1'024;  ///< items of the faster stream; one more is an error (`full`)
};

/// A source of items and the operators behind it, made by `from`. It is a value: an operator gives another stream and
/// leaves this one as it is. Nothing runs before a terminal operation (`reduce`, `to_vector`, `for_each`, `subscribe`),
/// and each runs the whole anew. The stages are compiled into one loop, without a queue between them.
///
///     from({1, 2, 3}).map([](int x) { return 2 * x; }).filter([](int x) { return x > 2; }).reduce(std::plus<>())
///
/// Over a range the terminal operation runs on the caller's stack and returns its result; it throws what a stage
/// throws, unless an error operator stands behind that. Streams are not thread safe; copies are independent, but for
/// what their functions share.
template <class Source, class... Stages>
class [[nodiscard]] stream {
public:
  /// Internal: as what an item is passed on.
  using reference = typename detail::item_behind<typename Source::item, Stages...>::type;
  /// The type of its items.
  using item = std::remove_cvref_t<reference>;

  // --- one item at a time -------------------------------------------------------------------------------------------

  /// What `f(item)` returns, for each item.
  template <class F>
  auto map(F f) const {
    if constexpr (detail::require_map<F, reference>())
      return with(detail::map_stage<detail::kept_t<F>>{detail::keep_function(std::move(f))});
    else
      return *this;
  }

  /// The items for which `f(const item&)` is true.
  template <class F>
  auto filter(F f) const {
    if constexpr (detail::require_predicate<F, reference>())
      return with(detail::filter_stage<detail::kept_t<F>>{detail::keep_function(std::move(f))});
    else
      return *this;
  }

  /// The sums so far: `sum = f(sum, item)`, beginning with `init`, which itself is not passed on.
  template <class T, class F>
  auto scan(T init, F f) const {
    if constexpr (detail::require_fold<F, T, reference>())
      return with(detail::scan_stage<T, detail::kept_t<F>>{std::move(init), detail::keep_function(std::move(f))});
    else
      return *this;
  }

  /// All items of the ranges that `f(item)` returns.
  template <class F>
  auto flat_map(F f) const {
    if constexpr (detail::require_flat_map<F, reference>())
      return with(detail::flat_map_stage<detail::kept_t<F>>{detail::keep_function(std::move(f))});
    else
      return *this;
  }

  /// The first `count` items. The stream ends with the last of them, not when one more comes.
  auto take(std::size_t count) const { return with(detail::take_stage{count}); }

  /// The items before the first for which `f(const item&)` is false; then the stream ends.
  template <class F>
  auto take_while(F f) const {
    if constexpr (detail::require_predicate<F, reference>())
      return with(detail::take_while_stage<detail::kept_t<F>>{detail::keep_function(std::move(f))});
    else
      return *this;
  }

  /// All but the first `count` items.
  auto skip(std::size_t count) const { return with(detail::skip_stage{count}); }

  /// Each item that has not come before. It remembers all that are different, told apart by `std::hash` and `==`, else
  /// by `<`; one more than `limit` of them is an error (`full`).
  auto distinct(std::size_t limit = 1'000'000) const {
    detail::require_key<item>();
    return with(detail::distinct_stage{limit});
  }

  /// Each item that does not equal the one before it.
  auto distinct_until_changed() const requires std::equality_comparable<item> {
    return with(detail::distinct_until_changed_stage{});
  }

  // --- windows and groups -------------------------------------------------------------------------------------------

  /// `std::vector`s of `count` items each, 1 or more; the last may have fewer.
  auto window(std::size_t count) const {
    if (count == 0) throw troupe_error(errc::invalid_argument, "stream: a window holds one item or more");
    return with(detail::window_stage{count});
  }

  /// Sliding windows: vectors of `count` items, each beginning `step` items behind the one before. Only whole ones.
  auto window(std::size_t count, std::size_t step) const {
    if (count == 0 || step == 0)
      throw troupe_error(errc::invalid_argument, "stream: a window holds one item or more and slides by one or more");
    return with(detail::sliding_stage{count, step});
  }

  /// A chain of operators of its own for the items of each key; what comes out of the chains is one stream again.
  /// `key_of(const item&)` gives the key. `make(key, items)` or `make(items)` is called once for each key and gives the
  /// chain: `[](auto key, auto items) { return items.window(10).map(mean); }`. Items for a chain that has ended are
  /// left out. When the stream ends the chains are completed in the order in which their keys came.
  template <class KeyOf, class Make>
  auto group_by(KeyOf key_of, Make make, group_options options = {}) const {
    if constexpr (detail::require_group_by<KeyOf, Make, reference>()) {
      detail::require_key<std::remove_cvref_t<std::invoke_result_t<KeyOf&, const item&>>>();
      return with(detail::group_by_stage<detail::kept_t<KeyOf>, detail::kept_t<Make>>{
          detail::keep_function(std::move(key_of)), detail::keep_function(std::move(make)), options.limit});
    } else {
      return *this;
    }
  }

  // --- two streams --------------------------------------------------------------------------------------------------

  /// The items of both. Over ranges those of this one come first; over exchanges as they come. It ends when both have.
  template <class S, class... Ss>
  auto merge(const stream<S, Ss...>& other) const {
    static_assert(std::is_same_v<item, typename stream<S, Ss...>::item>,
                  "troupe: merge takes a stream of the same items; map one of the two to the items of the other");
    static_assert(Source::over_ranges == S::over_ranges,
                  "troupe: merge takes two streams over ranges or two over exchanges");
    using both = detail::merge_source<stream, stream<S, Ss...>>;
    return stream<both>(both{*this, other});
  }

  /// Pairs of an item of each: the first of both, the second of both, and so on. Over ranges it ends with the shorter
  /// one, and what the other has left is not looked at. Over exchanges it ends when both have ended, and what has found
  /// no counterpart by then is left out. An item waits for its counterpart, at most `options.limit` of them.
  template <class S, class... Ss>
  auto zip(const stream<S, Ss...>& other, zip_options options = {}) const {
    static_assert(Source::over_ranges == S::over_ranges,
                  "troupe: zip takes two streams over ranges or two over exchanges");
    using both = detail::zip_source<stream, stream<S, Ss...>>;
    return stream<both>(both{*this, other, options.limit});
  }

  // --- failures -----------------------------------------------------------------------------------------------------

  /// When a stage in front of this throws: what `f(const troupe::error&)` or `f(std::exception_ptr)` returns is the
  /// last item, and the stream ends.
  template <class F>
  auto recover(F f) const {
    if constexpr (detail::require_recover<F, reference>())
      return with(detail::recover_stage<detail::kept_t<F>>{detail::keep_function(std::move(f))});
    else
      return *this;
  }

  /// The same with a value that is known before.
  auto on_error_return(item value) const {
    return recover([value = std::move(value)](const error&) { return value; });
  }

  /// When a stage in front of this throws, all in front of it begins anew, at most `times` times, as Rx subscribes
  /// again: a range is gone through from its beginning, and what has passed here passes again; an exchange goes on with
  /// its next message, and the one that failed is gone. Sums, windows and counts in front of this begin anew, those
  /// behind it go on. One failure more is passed on.
  auto retry(std::size_t times = std::numeric_limits<std::size_t>::max()) const {
    return with(detail::retry_stage{times});
  }

  // --- the end, over ranges -----------------------------------------------------------------------------------------

  /// `init` folded with all items: `sum = f(sum, item)`.
  template <class T, class F>
  requires(Source::over_ranges) T reduce(T init, F f)
  const {
    if constexpr (detail::require_fold<F, T, reference>()) run(detail::fold_end<reference, T, F>(init, f));
    return init;
  }

  /// The same, begun with the first item. Throws `troupe_error` (`empty`) if there is none.
  template <class F>
  requires(Source::over_ranges) item reduce(F f)
  const {
    std::optional<item> sum;
    if constexpr (detail::require_fold<F, item, reference>()) run(detail::fold_first_end<reference, item, F>(sum, f));
    if (!sum)
      throw troupe_error(errc::empty, "stream: nothing to reduce; give an initial value where there may be no items");
    return std::move(*sum);
  }

  /// All items.
  std::vector<item> to_vector() const requires(Source::over_ranges) {
    std::vector<item> all;
    run(detail::collect_end<reference>(all));
    return all;
  }

  /// Calls `f(item)` for each.
  template <class F>
  requires(Source::over_ranges) void for_each(F f) const { subscribe(std::move(f)); }

  /// Calls `on_next(item)` for each item and then `on_completed()`; or, when something has thrown, `on_error(const
  /// troupe::error&)` or `on_error(std::exception_ptr)`, and throws nothing then.
  template <class OnNext, class OnCompleted = detail::nothing_to_call, class OnError = detail::nothing_to_call>
  requires(Source::over_ranges && !detail::observes<OnNext, reference>)  //
      void subscribe(OnNext on_next, OnCompleted on_completed = {}, OnError on_error = {}) const {
    if constexpr (detail::require_on_next<OnNext, reference>())
      subscribe(detail::observer_of<OnNext, OnCompleted, OnError>{std::move(on_next), std::move(on_completed),
                                                                  std::move(on_error)});
  }

  /// The same for an object with `on_next(item)` and, if it likes, `on_completed()` and `on_error(...)`.
  template <class Observer>
  requires(Source::over_ranges&& detail::observes<Observer, reference>) void subscribe(Observer observer) const {
    run(detail::observer_end<reference, Observer>(observer));
  }

  // --- internal -----------------------------------------------------------------------------------------------------

  using source_type = Source;
  static constexpr std::size_t inputs = Source::inputs;
  template <class End>
  using sink_to = detail::connected_t<typename Source::item, End, Stages...>;
  template <class End>
  using program = typename Source::template program<sink_to<End>>;

  explicit stream(Source source, std::tuple<Stages...> stages = {})
      : source_(std::move(source)), stages_(std::move(stages)) {}
  template <class End>
  sink_to<End> sink_into(End&& end) const {
    return detail::connect<typename Source::item>(stages_, std::forward<End>(end));
  }
  template <class End>
  program<End> program_into(End&& end) const {
    return source_.template connect_to<sink_to<End>>(stages_, std::forward<End>(end));
  }

private:
  template <class Stage>
  auto with(Stage stage) const {
    return stream<Source, Stages..., Stage>(source_, std::tuple_cat(stages_, std::tuple<Stage>(std::move(stage))));
  }

  template <class End>
  void run(End end) const {
    auto p = program_into(std::move(end));
    detail::run_through(p);
  }

  Source source_;
  [[no_unique_address]] std::tuple<Stages...> stages_;
};

/// A stream of the items of a range. One of the caller's (an lvalue) is referred to: it outlives the stream and is not
/// changed meanwhile. A temporary is kept. Nothing is read before a terminal operation.
template <std::ranges::input_range R>
auto from(R&& range) {
  using plain = std::remove_cvref_t<R>;
  using held = std::conditional_t<
      detail::copyable_view<plain>, detail::viewed_range<plain>,
      std::conditional_t<std::is_lvalue_reference_v<R>, detail::referred_range<std::remove_reference_t<R>>,
                         detail::kept_range<plain>>>;
  using source = detail::range_source<held>;
  if constexpr (detail::copyable_view<plain>)
    return stream<source>(source{{std::forward<R>(range)}});
  else if constexpr (std::is_lvalue_reference_v<R>)
    return stream<source>(source{{std::addressof(range)}});
  else
    return stream<source>(source{{std::make_shared<plain>(std::forward<R>(range))}});
}

/// A stream of these: `from({1, 2, 3})`.
template <class T>
auto from(std::initializer_list<T> items) {
  return from(std::vector<T>(items));
}

}  // namespace troupe
