#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <troupe/exchange/detail/tap_actor.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/exchange/tap_handle.hpp>

namespace troupe {

template <class M>
tap exchange<M>::tap(std::string pattern) const {
  return tap(tap_output::to_file(name()), std::move(pattern));
}
template <class M>
tap exchange<M>::tap(std::ostream& to, std::string pattern) const {
  return tap(tap_output::to_stream(name(), to), std::move(pattern));
}
template <class M>
template <tap_function F>
tap exchange<M>::tap(F show, std::string pattern) const {
  return tap(tap_output{[f = std::move(show)](std::uint64_t number, std::string_view, std::string_view text) mutable {
               std::invoke(f, number, text);
             }},
             std::move(pattern));
}
template <class M>
tap exchange<M>::tap(tap_output to, std::string pattern) const {
  return detail::make_tap<M>(state_, std::move(pattern), std::move(to));
}

}  // namespace troupe
