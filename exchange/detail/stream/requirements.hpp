#pragma once

#include <concepts>
#include <functional>
#include <ranges>
#include <type_traits>

#include <troupe/exchange/detail/stream/failures.hpp>
#include <troupe/exchange/detail/stream/groups.hpp>

/// What operators want of what they are given, each as a sentence of the compiler's. Internal.
namespace troupe::detail {

template <class Function, class Item>
inline constexpr bool gives_an_item = [] {
  if constexpr (std::invocable<Function&, Item>)
    return !std::is_void_v<std::invoke_result_t<Function&, Item>>;
  else
    return false;
}();

template <class Function, class Item>
consteval bool require_map() {
  static_assert(gives_an_item<Function, Item>,
                "troupe: map takes a function that is called with the Item of the stream and returns another; this "
                "Function does not fit (both are named in the line above or below)");
  return gives_an_item<Function, Item>;
}

template <class Function, class Item>
consteval bool require_predicate() {
  static_assert(
      std::predicate<Function&, const std::remove_reference_t<Item>&>,
      "troupe: filter and take_while take a function that is called with a const reference to the Item of the "
      "stream and says yes or no; this Function does not fit (both are named in the line above or below)");
  return std::predicate<Function&, const std::remove_reference_t<Item>&>;
}

template <class Function, class Sum, class Item>
inline constexpr bool folds = [] {
  if constexpr (std::invocable<Function&, Sum, Item>)
    return std::is_assignable_v<Sum&, std::invoke_result_t<Function&, Sum, Item>>;
  else
    return false;
}();

template <class Function, class Sum, class Item>
consteval bool require_fold() {
  static_assert(
      folds<Function, Sum, Item>,
      "troupe: reduce and scan take a function that is called with the Sum so far and the Item of the stream, "
      "and returns the next sum; this Function does not fit (all are named in the line above or below)");
  return folds<Function, Sum, Item>;
}

template <class Function, class Item>
inline constexpr bool gives_a_range = [] {
  if constexpr (std::invocable<Function&, Item>)
    return std::ranges::input_range<std::remove_reference_t<std::invoke_result_t<Function&, Item>>>;
  else
    return false;
}();

template <class Function, class Item>
consteval bool require_flat_map() {
  static_assert(
      gives_a_range<Function, Item>,
      "troupe: flat_map takes a function that is called with the Item of the stream and returns a range; this "
      "Function does not fit (both are named in the line above or below)");
  return gives_a_range<Function, Item>;
}

template <class Function, class Item>
inline constexpr bool replaces = [] {
  if constexpr (std::invocable<Function&, const error&>)
    return std::convertible_to<std::invoke_result_t<Function&, const error&>, std::remove_cvref_t<Item>>;
  else if constexpr (std::invocable<Function&, const std::exception_ptr&>)
    return std::convertible_to<std::invoke_result_t<Function&, const std::exception_ptr&>, std::remove_cvref_t<Item>>;
  else
    return false;
}();

template <class Function, class Item>
consteval bool require_recover() {
  static_assert(replaces<Function, Item>,
                "troupe: recover takes a function that is called with a const troupe::error& or a std::exception_ptr "
                "and returns the last Item of the stream; this Function does not fit (both are named in the line above "
                "or below)");
  return replaces<Function, Item>;
}

template <class KeyOf, class Make, class Item>
inline constexpr bool makes_groups = [] {
  if constexpr (gives_an_item<KeyOf, const std::remove_cvref_t<Item>&>) {
    using key = std::remove_cvref_t<std::invoke_result_t<KeyOf&, const std::remove_cvref_t<Item>&>>;
    using sub = stream<group_source<Item>>;
    if constexpr (std::invocable<Make&, const key&, sub>)
      return is_group_chain<std::invoke_result_t<Make&, const key&, sub>>;
    else if constexpr (std::invocable<Make&, sub>)
      return is_group_chain<std::invoke_result_t<Make&, sub>>;
  }
  return false;
}();

template <class KeyOf, class Make, class Item>
consteval bool require_group_by() {
  static_assert(makes_groups<KeyOf, Make, Item>,
                "troupe: group_by takes a function that gives the key of an Item, and one that is called with (key, "
                "stream) or (stream) and returns that stream with operators behind it: [](auto key, auto items) { "
                "return items.map(...); }; these do not fit (all are named in the line above or below)");
  return makes_groups<KeyOf, Make, Item>;
}

template <class Observer, class Item>
inline constexpr bool observes = requires(Observer& o, Item item) {
  o.on_next(static_cast<Item>(item));
};

template <class OnNext, class Item>
consteval bool require_on_next() {
  static_assert(std::invocable<OnNext&, Item>,
                "troupe: subscribe takes a function that is called with the Item of the stream, or an object with such "
                "an on_next; this OnNext does not fit (both are named in the line above or below)");
  return std::invocable<OnNext&, Item>;
}

template <class Source>
consteval bool require_time() {
  static_assert(!Source::over_ranges,
                "troupe: operators of time need a stream from an exchange: a range has all of its items at once");
  return !Source::over_ranges;
}

}  // namespace troupe::detail
