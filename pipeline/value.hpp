#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <troupe/base/result.hpp>

namespace troupe::pipeline {

/// The type of a parameter, of a pipeline or of an actor class. The order is that of the alternatives of `value`.
enum class value_type : std::uint8_t {
  integer,  ///< std::int64_t
  number,   ///< double; an integer will do
  boolean,  ///< bool, written `true` or `false`
  text,     ///< std::string
  path,     ///< std::filesystem::path; a text will do
};

/// The value of a parameter.
using value = std::variant<std::int64_t, double, bool, std::string, std::filesystem::path>;

/// The type of a value.
inline value_type type_of(const value& v) noexcept { return static_cast<value_type>(v.index()); }

/// The name that a pipeline file uses for a type, such as "integer".
std::string_view to_string(value_type type) noexcept;

/// All names of types, in the order of `value_type`.
const std::vector<std::string>& value_type_names();

/// The value as a pipeline file would spell it, unquoted.
std::string to_text(const value& v);

/// Reads a value of the given type; `errc::invalid_argument` with a sentence such as "expected an integer, not 'x'".
result<value> parse_value(value_type type, std::string_view text);

/// Whether a value of type `from` may stand where `to` is wanted: any value as text, an integer as number, a text as
/// path.
bool convertible(value_type from, value_type to) noexcept;

/// The value as one of the given type; requires `convertible`.
value convert(const value& v, value_type to);

namespace detail {

template <class T>
struct value_type_of {
  static_assert(sizeof(T) == 0, "a parameter is a std::int64_t, double, bool, std::string or std::filesystem::path");
};
template <>
struct value_type_of<std::int64_t> : std::integral_constant<value_type, value_type::integer> {};
template <>
struct value_type_of<double> : std::integral_constant<value_type, value_type::number> {};
template <>
struct value_type_of<bool> : std::integral_constant<value_type, value_type::boolean> {};
template <>
struct value_type_of<std::string> : std::integral_constant<value_type, value_type::text> {};
template <>
struct value_type_of<std::filesystem::path> : std::integral_constant<value_type, value_type::path> {};

}  // namespace detail

}  // namespace troupe::pipeline
