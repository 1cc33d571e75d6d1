#pragma once

#include <concepts>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include <troupe/base/type_name.hpp>

namespace troupe {

template <class M>
std::string to_text(const M& message);

namespace detail {

/// In single quotes, on one line.
std::string quoted_text(std::string_view text);

/// What `write(stream, object)` writes.
std::string written_text(void (*write)(std::ostream&, const void*), const void* object);

template <class T>
concept text_like = std::convertible_to<const T&, std::string_view>;

template <class T>
concept streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

// Boost.Describe leaves a function behind that argument-dependent lookup finds: its header is not needed to use it.
template <class T>
concept described_members = requires {
  boost_public_member_descriptor_fn(static_cast<T**>(nullptr));
};
template <class T>
concept described_bases = requires {
  boost_base_descriptor_fn(static_cast<T**>(nullptr));
};
template <class E>
concept described_enum = std::is_enum_v<E> && requires {
  boost_enum_descriptor_fn(static_cast<E**>(nullptr));
};

/// Points to what is meant.
template <class T>
concept smart_pointer = std::is_object_v<typename T::element_type> && requires(const T& p) {
  p.get();
  *p;
};

template <class T>
concept maybe_value = requires(const T& m) {
  m.has_value();
  *m;
};

template <class T>
concept readable_range = requires(const T& r) {
  r.begin();
  r.end();
  { r.begin() != r.end() } -> std::convertible_to<bool>;
  *r.begin();
};

/// Calls `visit` with each descriptor of such a list.
template <template <class...> class List, class... Descriptors, class Visit>
void each_descriptor(List<Descriptors...>, [[maybe_unused]] Visit visit) {
  (visit(Descriptors()), ...);
}

/// ", name: value" for each public data member, those of bases first.
template <class T>
void add_members(const T& object, std::string& text) {
  if constexpr (described_bases<T>)
    each_descriptor(decltype(boost_base_descriptor_fn(static_cast<T**>(nullptr)))(),
                    [&]<class D>(D) { add_members(static_cast<const typename D::type&>(object), text); });
  if constexpr (described_members<T>)
    each_descriptor(decltype(boost_public_member_descriptor_fn(static_cast<T**>(nullptr)))(), [&]<class D>(D) {
      if constexpr (std::is_member_object_pointer_v<std::remove_cv_t<decltype(D::pointer)>>)
        text += std::string(text.empty() ? "" : ", ") + D::name + ": " + to_text(object.*D::pointer);
    });
}

template <class R>
std::string range_text(const R& range) {
  constexpr std::size_t most = 16;
  std::string text;
  std::size_t n = 0;
  for (const auto& one : range) {
    if (n++ != 0) text += ", ";
    if (n > most) return "[" + text + "...]";
    text += to_text(one);
  }
  return "[" + text + "]";
}

template <class E>
std::string enum_text(E value) {
  std::string text;
  if constexpr (described_enum<E>)
    each_descriptor(decltype(boost_enum_descriptor_fn(static_cast<E**>(nullptr)))(), [&]<class D>(D) {
      if (D::value == value) text = D::name;
    });
  return text.empty() ? fmt::format("{}", +static_cast<std::underlying_type_t<E>>(value)) : text;
}

}  // namespace detail

/// A message as text for people, on one line if its own formatting is: what a tap prints. Texts in single quotes,
/// numbers as they are, smart pointers as what they point to. Other types by what there is for them, in this order: a
/// `fmt::formatter`, an `operator<<`, the members that Boost.Describe knows (`{symbol: 'ACME', price: 10.5}`), ranges
/// and optionals by what is in them; else the name and the size of the type. Throws what the formatting throws.
template <class M>
std::string to_text(const M& message) {
  if constexpr (detail::text_like<M>)
    return detail::quoted_text(message);
  else if constexpr (std::is_same_v<M, char>)
    return detail::quoted_text(std::string_view(&message, 1));
  else if constexpr (detail::smart_pointer<M>)
    return message.get() ? to_text(*message) : std::string("none");
  else if constexpr (fmt::is_formattable<M>::value)
    return fmt::format("{}", message);
  else if constexpr (detail::streamable<M>)
    return detail::written_text([](std::ostream& out, const void* object) { out << *static_cast<const M*>(object); },
                                &message);
  else if constexpr (std::is_enum_v<M>)
    return detail::enum_text(message);
  else if constexpr (detail::described_members<M>) {
    std::string members;
    detail::add_members(message, members);
    return "{" + members + "}";
  } else if constexpr (detail::maybe_value<M>) {
    return message.has_value() ? to_text(*message) : std::string("none");
  } else if constexpr (detail::readable_range<M>) {
    return detail::range_text(message);
  } else {
    return fmt::format("<{}, {} bytes>", type_name<M>(), sizeof(M));
  }
}

}  // namespace troupe
