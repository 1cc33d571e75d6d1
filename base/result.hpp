#pragma once

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
  result(T value) noexcept(nothrow_move) : error_(troupe::error::none{}) { make(std::move(value)); }
  result(troupe::error e) noexcept : error_(std::move(e)) {}
  result(errc code) noexcept : error_(code) {}

  result(const result& other) requires std::is_copy_constructible_v<T> : error_(troupe::error::none{}) {
    if (other.has_value())
      make(other.value_);
    else
      error_ = other.error_;
  }
  result(result&& other) noexcept(nothrow_move) : error_(troupe::error::none{}) {
    if (other.has_value())
      make(std::move(other.value_));
    else
      error_ = std::move(other.error_);
  }
  result& operator=(result other) noexcept(nothrow_move) {
    clear();
    if (other.has_value())
      make(std::move(other.value_));
    else
      error_ = std::move(other.error_);
    return *this;
  }
  ~result() {
    if (has_value()) value_.~T();
  }

  /// True if there is a value.
  bool has_value() const noexcept { return error_.is_none(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws `troupe_error` if there is none.
  T& value() & { return check(), value_; }
  const T& value() const& { return check(), value_; }
  T value() && { return check(), std::move(value_); }

  /// The value; undefined if there is none.
  T& operator*() & noexcept { return value_; }
  const T& operator*() const& noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return std::addressof(value_); }
  const T* operator->() const noexcept { return std::addressof(value_); }

  /// The value, or `other` if there is none.
  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? value_ : static_cast<T>(std::forward<U>(other));
  }

  /// The error; undefined if there is a value.
  const troupe::error& error() const& noexcept { return error_; }

private:
  static constexpr bool nothrow_move = std::is_nothrow_move_constructible_v<T>;

  template <class U>
  void make(U&& value) {
    std::construct_at(std::addressof(value_), std::forward<U>(value));
    error_ = troupe::error(troupe::error::none{});
  }

  void clear() noexcept {
    if (has_value()) value_.~T();
    error_ = troupe::error(errc::invalid_argument);  // until the new value is there
  }
  void check() const {
    if (!has_value()) throw troupe_error(error_);
  }

  troupe::error error_;  // none if there is a value
  union {
    T value_;
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

  /// The error; undefined on success.
  const troupe::error& error() const& noexcept { return error_; }

private:
  troupe::error error_{troupe::error::none()};
};

}  // namespace troupe
