#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include <boost/describe.hpp>
#include <boost/mp11/algorithm.hpp>

#include <troupe/exchange/message_headers.hpp>

// Needs Boost.Describe (header only), and is therefore not part of troupe.hpp.

namespace troupe {

/// The described members of a message, those of its described bases among them, as headers of the same names: a match
/// such as `match_all{{"region", "eu"}}` then looks at the message itself. Members that are true or false, numbers,
/// texts or described enumerations (their names) become headers, and so does what an optional of such holds; others are
/// left out.
///
///     struct order { std::string region; int size = 0; };
///     BOOST_DESCRIBE_STRUCT(order, (), (region, size))
///     auto headers_of(const order& o) { return troupe::described_headers(o); }
///
/// Throws `std::bad_alloc`. Any thread.
template <class M>
requires boost::describe::has_describe_members<M>::value message_headers described_headers(const M& message);

namespace detail {

template <class T>
void add_header(message_headers& to, const char* name, const T& value) {
  if constexpr (std::is_arithmetic_v<T>) {
    if constexpr (std::floating_point<T>)
      to.set(name, static_cast<double>(value));
    else
      to.set(name, value);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    to.set(name, static_cast<std::string_view>(value));
  } else if constexpr (boost::describe::has_describe_enumerators<T>::value) {
    to.set(name, boost::describe::enum_to_string(value, ""));
  } else if constexpr (requires {
                         { value.has_value() } -> std::convertible_to<bool>;
                         *value;
                       }) {
    if (value.has_value()) add_header(to, name, *value);
  }
}

}  // namespace detail

template <class M>
requires boost::describe::has_describe_members<M>::value message_headers described_headers(const M& message) {
  using namespace boost::describe;
  message_headers all;
  boost::mp11::mp_for_each<describe_members<M, mod_any_access | mod_inherited>>(
      [&](auto member) { detail::add_header(all, member.name, message.*member.pointer); });
  return all;
}

}  // namespace troupe
