#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace troupe::detail {

/// A function that cannot be copied, shared by the copies of its stream.
template <class F>
class shared_function {
public:
  explicit shared_function(F f) : f_(std::make_shared<F>(std::move(f))) {}
  template <class... Args>
  requires std::invocable<F&, Args...>
  decltype(auto) operator()(Args&&... args) { return std::invoke(*f_, std::forward<Args>(args)...); }

private:
  std::shared_ptr<F> f_;
};

/// How a stage keeps a function: streams are values.
template <class F>
using kept_t = std::conditional_t<std::copy_constructible<F>, F, shared_function<F>>;

template <class F>
kept_t<F> keep_function(F&& f) {
  return kept_t<F>(std::move(f));
}

template <class T>
concept hashable = requires(const T& x) {
  { std::hash<T>()(x) } -> std::convertible_to<std::size_t>;
};
template <class T>
concept ordered = requires(const T& x) {
  { x < x } -> std::convertible_to<bool>;
};

template <class T>
consteval void require_key() {
  static_assert(hashable<T> || ordered<T>,
                "troupe: a stream tells its keys and distinct items apart by std::hash or operator<; this T has "
                "neither (it is named in the line above or below)");
}

template <class T>
using set_of = std::conditional_t<hashable<T>, std::unordered_set<T>, std::set<T>>;
template <class K, class V>
using map_of = std::conditional_t<hashable<K>, std::unordered_map<K, V>, std::map<K, V>>;

}  // namespace troupe::detail
