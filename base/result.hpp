#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <troupe/base/error.hpp>

namespace troupe {

/// A value or the error that stands in its place. The interface is that of C++23's `std::expected<T, error>` as far as
/// it goes. Not thread safe; owns what it holds.
template <class T>
class [[nodiscard]] result {
public:
  using value_type = T;

  /// A value, or an error in its place; converts from either.
  result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(value)) {}
  result(troupe::error e) noexcept : error_(std::move(e)) {
    if (has_value()) __builtin_unreachable();  // for compilers that take the value for uninitialised
  }
  result(errc code) noexcept : error_(code) {}

  result(const result& other) requires std::is_copy_constructible_v<T> {
    if (other.has_value()) std::construct_at(&value_, other.value_);
    error_ = other.error_;
  }
  result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : error_(std::move(other.error_)) {
    if (has_value()) std::construct_at(&value_, std::move(other.value_));
  }
  result& operator=(const result& other) requires std::is_copy_constructible_v<T> {
    if (this != &other) *this = result(other);
    return *this;
  }
  result& operator=(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    if (this == &other) return *this;
    reset();
    if (other.has_value()) std::construct_at(&value_, std::move(other.value_));
    error_ = std::move(other.error_);
    return *this;
  }
  ~result() {
    if (has_value()) std::destroy_at(&value_);
  }

  /// True if there is a value.
  bool has_value() const noexcept { return error_.is_none(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws `troupe_error` if there is none.
  T& value() & { return check(), value_; }
  const T& value() const& { return check(), value_; }
  T value() && { return check(), std::move(value_); }

  /// The value; undefined if there is none.
  T& operator*() & noexcept { return *there(); }
  const T& operator*() const& noexcept { return *there(); }
  T&& operator*() && noexcept { return std::move(*there()); }
  T* operator->() noexcept { return there(); }
  const T* operator->() const noexcept { return there(); }

  /// The value, or `other` if there is none.
  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

  /// The error. Where there is a value, which is to be asked first, one that equals no `errc` and reads "no error".
  const troupe::error& error() const& noexcept { return error_; }

private:
  void check() const {
    if (!has_value()) throw troupe_error(error_);
  }

  // Compilers that are not told take the value for uninitialised.
  T* there() noexcept {
    if (!has_value()) __builtin_unreachable();
    return std::addressof(value_);
  }
  const T* there() const noexcept { return const_cast<result*>(this)->there(); }

  /// Leaves an error where a value was: it stays if the construction of another value throws.
  void reset() noexcept {
    if (!has_value()) return;
    std::destroy_at(&value_);
    error_ = troupe::error(errc::empty);
  }

  // The word of an error says which of the two there is: a `std::variant` costs a table of functions for each move.
  troupe::error error_{troupe::error::none()};
  union {
    T value_;  // while there is no error
  };
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

  /// The error. On success, which is to be asked first, one that equals no `errc` and reads "no error".
  const troupe::error& error() const& noexcept { return error_; }

private:
  troupe::error error_{troupe::error::none()};
};

}  // namespace troupe
