#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <troupe/base/result.hpp>

namespace troupe {

/// The value of a header: true or false, a number, or a text. Whole numbers are equal whatever their type: 10 and 10.0.
class header_value {
public:
  header_value(bool v) noexcept : value_(v) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) header_value(T v)
  noexcept : header_value(whole(v)) {}
  header_value(double v) noexcept;
  header_value(std::string v) noexcept : value_(std::move(v)) {}
  header_value(std::string_view v) : value_(std::string(v)) {}
  header_value(const char* v) : value_(std::string(v)) {}

  /// As it is written in the text of a match: `true`, `10`, `0.5`, `'eu'`.
  std::string text() const;
  /// Internal: the same for equal values, in each run.
  std::uint64_t hash() const noexcept;

  friend bool operator==(const header_value&, const header_value&) = default;

private:
  using any_value = std::variant<bool, std::int64_t, double, std::string>;
  explicit header_value(any_value v) noexcept : value_(std::move(v)) {}
  /// One that is too large for the others is what a `double` of it is.
  template <std::integral T>
  static any_value whole(T v) noexcept {
    if (std::in_range<std::int64_t>(v)) return static_cast<std::int64_t>(v);
    return static_cast<double>(v);
  }

  any_value value_;
};

/// What a message says about itself to a `headers{}` exchange: names and values, each name once (the last counts).
/// `publish(message_headers{{"region", "eu"}, {"size", 10}}, m)`, or what `headers_of(m)` returns.
class message_headers {
public:
  using entry = std::pair<std::string, header_value>;

  message_headers() = default;
  message_headers(std::initializer_list<entry> entries);

  /// Adds it, or replaces the one of that name.
  void set(std::string name, header_value value);
  /// Null if there is none of that name. Valid until the next `set`.
  const header_value* find(std::string_view name) const noexcept;
  /// All, in the order of their names.
  const std::vector<entry>& entries() const noexcept { return entries_; }

private:
  std::vector<entry> entries_;
};

/// What a subscriber of a `headers{}` exchange asks of a message: that it has all of these headers with these values
/// (`match_all`), or one of them (`match_any`). It stands for a text such as `all region='eu' size=10`, which is a
/// subscriber's key and can be given instead.
class header_match {
public:
  const std::string& text() const noexcept { return text_; }
  operator std::string() const { return text_; }
  operator std::string_view() const noexcept { return text_; }

protected:
  header_match(std::string_view how, const message_headers& wanted);

private:
  std::string text_;
};

/// All of these; an empty one fits each message.
struct match_all : header_match {
  match_all(std::initializer_list<message_headers::entry> wanted) : header_match("all", wanted) {}
};
/// One of these.
struct match_any : header_match {
  match_any(std::initializer_list<message_headers::entry> wanted) : header_match("any", wanted) {}
};

namespace detail {

/// The text of a match taken apart.
struct parsed_match {
  bool all = true;
  message_headers wanted;

  bool fits(const message_headers& message) const noexcept;
};

/// Errors: `invalid_argument`, with what is wrong in the text.
result<parsed_match> parse_match(std::string_view text);

}  // namespace detail

}  // namespace troupe
