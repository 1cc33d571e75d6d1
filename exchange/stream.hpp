#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/exchange/detail/stream/ends.hpp>
#include <troupe/exchange/detail/stream/exchange_source.hpp>
#include <troupe/exchange/detail/stream/failures.hpp>
#include <troupe/exchange/detail/stream/groups.hpp>
#include <troupe/exchange/detail/stream/joins.hpp>
#include <troupe/exchange/detail/stream/range_source.hpp>
#include <troupe/exchange/detail/stream/requirements.hpp>
#include <troupe/exchange/detail/stream/running.hpp>
#include <troupe/exchange/detail/stream/running_ends.hpp>
#include <troupe/exchange/detail/stream/stages.hpp>
#include <troupe/exchange/detail/stream/timed_stages.hpp>
#include <troupe/exchange/detail/stream/windows.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/exchange/running_stream.hpp>

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

  // --- time, over exchanges -----------------------------------------------------------------------------------------

  /// Vectors of what comes within `length` of the first item of each, or of `limit` items if that is sooner. Where
  /// nothing comes there is no window.
  auto window(std::chrono::nanoseconds length, std::size_t limit = std::numeric_limits<std::size_t>::max()) const {
    return with_time(detail::timed_window_stage{checked(length, "a window"), limit});
  }

  /// An item, and then none of those that come within `interval` of it.
  auto throttle(std::chrono::nanoseconds interval) const {
    return with_time(detail::throttle_stage{checked(interval, "throttle")});
  }

  /// The last item before each time of `silence` in which none comes, and the last before the end.
  auto debounce(std::chrono::nanoseconds silence) const {
    return with_time(detail::debounce_stage{checked(silence, "debounce")});
  }

  /// All items; an error (`timeout`) when none comes within `limit` of the one before, or of the beginning.
  auto timeout(std::chrono::nanoseconds limit) const {
    return with_time(detail::timeout_stage{checked(limit, "timeout")});
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
    if (!sum) throw troupe_error(detail::nothing_to_reduce());
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

  // --- the end, over exchanges --------------------------------------------------------------------------------------

  /// Publishes the items: another exchange is made of this one. The stream is a publisher of `to`, which ends, when it
  /// was the last, with the stream; also when that ends by a failure.
  running_stream to(exchange<item> to) const requires(Source::inputs > 0) {
    using state = detail::publish_state<item, detail::no_key>;
    return start(state{to.publisher(), {}});
  }

  /// The same with the key `key_of(const item&)`, a text, for exchanges that route by keys.
  template <class KeyOf>
  requires(Source::inputs > 0) running_stream to(exchange<item> to, KeyOf key_of)
  const {
    static_assert(std::is_convertible_v<std::invoke_result_t<KeyOf&, const item&>, std::string_view>,
                  "troupe: the function that gives the keys for to() returns a text");
    using state = detail::publish_state<item, KeyOf>;
    return start(state{to.publisher(), std::move(key_of)});
  }

  /// Calls `on_next(item)` for each item, in the slice of the stream's actor, and `on_completed()` when the sources
  /// have ended or the operators want no more; or, when something has thrown, `on_error(const troupe::error&)` or
  /// `on_error(std::exception_ptr)`, and the stream ends. That is told too (`closed`) where it ends before its sources,
  /// by a shutdown or the policy `disconnect`, but not where its handle has stopped it. Without an `on_error` the
  /// exception is the exit reason of the actor. Where `on_next` is a coroutine, `task<> on_next(item)`, it is awaited
  /// before the next message is taken: what waits meanwhile waits in the exchange, and what one message has led to
  /// waits here.
  template <class OnNext, class OnCompleted = detail::nothing_to_call, class OnError = detail::nothing_to_call>
  requires(Source::inputs > 0 && !detail::observes<OnNext, reference>)  //
      running_stream subscribe(OnNext on_next, OnCompleted on_completed = {}, OnError on_error = {})
  const {
    if constexpr (detail::require_on_next<OnNext, reference>())
      return subscribe(detail::observer_of<OnNext, OnCompleted, OnError>{std::move(on_next), std::move(on_completed),
                                                                         std::move(on_error)});
    else
      return {};
  }

  /// The same for an object with `on_next(item)` and, if it likes, `on_completed()` and `on_error(...)`.
  template <class Observer>
  requires(Source::inputs > 0 && detail::observes<Observer, reference>)  //
      running_stream subscribe(Observer observer)
  const {
    if constexpr (is_task<decltype(observer.on_next(std::declval<reference>()))>)
      return start(detail::awaited_state<Observer, item>(std::move(observer)));
    else
      return start(detail::observer_state<Observer>{std::move(observer)});
  }

  /// As `subscribe` with one function.
  template <class F>
  requires(Source::inputs > 0) running_stream for_each(F f)
  const { return subscribe(std::move(f)); }

  /// `init` folded with all items, there when the sources have ended or the operators want no more.
  template <class T, class F>
  requires(Source::inputs > 0) stream_result<T> reduce(T init, F f)
  const {
    if constexpr (detail::require_fold<F, T, reference>())
      return start_value<T>(detail::fold_from<T, F>{std::move(init), std::move(f)});
    else
      return {};
  }

  /// The same, begun with the first item; `empty` if there is none.
  template <class F>
  requires(Source::inputs > 0) stream_result<item> reduce(F f)
  const {
    if constexpr (detail::require_fold<F, item, reference>())
      return start_value<item>(detail::fold_from_first<item, F>{std::nullopt, std::move(f)});
    else
      return {};
  }

  /// All items, in memory.
  stream_result<std::vector<item>> to_vector() const requires(Source::inputs > 0) {
    return start_value<std::vector<item>>(detail::collected<item>{});
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

  template <std::size_t First, class Visit>
  void visit_inputs(Visit& visit) const {
    source_.template visit_inputs<First>(visit);
  }

private:
  template <class Stage>
  auto with(Stage stage) const {
    return stream<Source, Stages..., Stage>(source_, std::tuple_cat(stages_, std::tuple<Stage>(std::move(stage))));
  }

  template <class Stage>
  auto with_time(Stage stage) const {
    if constexpr (detail::require_time<Source>())
      return with(std::move(stage));
    else
      return *this;
  }
  static std::chrono::nanoseconds checked(std::chrono::nanoseconds t, const char* of) {
    if (t.count() <= 0)
      throw troupe_error(errc::invalid_argument, std::string("stream: the time of ") + of + " must be positive");
    return t;
  }

  template <class End>
  void run(End end) const {
    auto p = program_into(std::move(end));
    detail::run_through(p);
  }

  template <class End>
  running_stream start(End end) const {
    detail::started_stream made = detail::start_stream(*this, std::move(end));
    return running_stream(std::move(made.control), std::move(made.actor));
  }

  template <class T, class Fold>
  stream_result<T> start_value(Fold fold) const {
    promise<T> value(detail::home_of(*this).scheduler());
    value.hold_up_no_shutdown();  // it is the shutdown that closes actors
    future<T> reader = value.get_future();
    return stream_result<T>(start(detail::value_state<T, Fold>{std::move(fold), std::move(value)}), std::move(reader));
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

/// A stream of what is published on an exchange from the moment of its terminal operation on. That makes one actor,
/// which runs all operators in its handler and is attached by `exchange::attach_input(actor, args...)`: with the key or
/// pattern if the kind wants one, and with options, which say what happens when it does not keep up. The operators hold
/// no queue between them. While the runtime lives.
template <class M, class... Args>
auto from(const exchange<M>& source, Args... args) {
  using exchange_source = detail::exchange_source<M, detail::attach_argument_t<Args>...>;
  return stream<exchange_source>(exchange_source{source, {std::move(args)...}});
}

}  // namespace troupe
