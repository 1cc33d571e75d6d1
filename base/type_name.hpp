#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace troupe {

namespace detail {

template <class T>
constexpr std::string_view pretty() noexcept {
  return __PRETTY_FUNCTION__;
}

// Where the name stands in the text is found once, with a type whose name is known.
inline constexpr std::size_t pretty_head = pretty<double>().find("double");

template <class T>
constexpr std::string_view find_type_name() noexcept {
  const std::string_view text = pretty<T>().substr(pretty_head);
  // "T]" with clang; "T; std::string_view = ..." with GCC.
  const std::size_t end = text.find("; std::string_view");
  return text.substr(0, end == std::string_view::npos ? text.rfind(']') : end);
}

// A copy that ends with a zero and holds nothing but the name.
template <class T>
inline constexpr auto type_name_text = [] {
  constexpr std::string_view name = find_type_name<T>();
  std::array<char, name.size() + 1> text{};
  for (std::size_t i = 0; i != name.size(); ++i) text[i] = name[i];
  return text;
}();

}  // namespace detail

/// The name of a type as the source spells it, such as "app::tick", for messages to people; ends with a zero. Not
/// stable across compilers: never a key in a file or on a wire.
template <class T>
constexpr const char* type_name() noexcept {
  return detail::type_name_text<T>.data();
}

}  // namespace troupe
