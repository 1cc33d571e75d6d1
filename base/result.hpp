#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include <troupe/base/error.hpp>

namespace troupe {

/// A value or the error that stands in its place. The interface is that of C++23's `std::expected<T, error>` as far as
/// it goes. Not thread safe; owns what it holds.
template <class T>
class [[nodiscard]] result {
public:
  using value_type = T;

  /// A value, or an error in its place; converts from either.
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(troupe::error e) : state_(std::in_place_index<1>, std::move(e)) {}
  result(errc code) : state_(std::in_place_index<1>, troupe::error(code)) {}

  /// True if there is a value.
  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws `troupe_error` if there is none.
  T& value() & { return check(), std::get<0>(state_); }
  const T& value() const& { return check(), std::get<0>(state_); }
  T value() && { return check(), std::get<0>(std::move(state_)); }

  /// The value; undefined if there is none.
  T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// The value, or `other` if there is none.
  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

  /// The error; undefined if there is a value.
  const troupe::error& error() const& noexcept { return *std::get_if<1>(&state_); }

private:
  void check() const {
    if (!has_value()) throw troupe_error(error());
  }

  std::variant<T, troupe::error> state_;
};

/// Success or the error that stands in its place.
template <>
class [[nodiscard]] result<void> {
public:
  using value_type = void;

  result() noexcept = default;
  /// An error; success is the default.
  result(troupe::error e) noexcept : error_(std::move(e)) {}
  result(errc code) noexcept : error_(troupe::error(code)) {}

  /// True on success.
  bool has_value() const noexcept { return error_.is_none(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// Throws `troupe_error` on an error.
  void value() const {
    if (!has_value()) throw troupe_error(error_);
  }

  /// The error; undefined on success.
  const troupe::error& error() const& noexcept { return error_; }

private:
  troupe::error error_{troupe::error::none()};
};

}  // namespace troupe
