#include <troupe/exchange/message_headers.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include <troupe/base/error.hpp>
#include <troupe/exchange/detail/key_table.hpp>

namespace troupe {

namespace {

constexpr std::size_t longest_match = 4096;  // bytes

auto place_of(auto& entries, std::string_view name) noexcept {
  return std::lower_bound(entries.begin(), entries.end(), name,
                          [](const message_headers::entry& e, std::string_view n) { return e.first < n; });
}

}  // namespace

header_value::header_value(double v) noexcept : value_(v) {
  constexpr double most = 9223372036854775808.0;  // one more than the largest of the others
  if (v >= -most && v < most && v == std::floor(v)) value_ = static_cast<std::int64_t>(v);
}

std::string header_value::text() const {
  if (const auto* b = std::get_if<bool>(&value_)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<std::int64_t>(&value_)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value_)) return fmt::format("{}", *d);
  std::string quoted = "'";
  for (const char c : std::get<std::string>(value_)) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::uint64_t header_value::hash() const noexcept {
  if (const auto* b = std::get_if<bool>(&value_)) return detail::spread(*b ? 2 : 1);
  if (const auto* i = std::get_if<std::int64_t>(&value_)) return detail::spread(static_cast<std::uint64_t>(*i) + 3);
  if (const auto* d = std::get_if<double>(&value_)) return detail::spread(std::bit_cast<std::uint64_t>(*d));
  return detail::hash_of(std::get<std::string>(value_));
}

message_headers::message_headers(std::initializer_list<entry> entries) {
  for (const auto& [name, value] : entries) set(name, value);
}

void message_headers::set(std::string name, header_value value) {
  const auto at = place_of(entries_, name);
  if (at != entries_.end() && at->first == name)
    at->second = std::move(value);
  else
    entries_.emplace(at, std::move(name), std::move(value));
}

const header_value* message_headers::find(std::string_view name) const noexcept {
  const auto at = place_of(entries_, name);
  return at != entries_.end() && at->first == name ? &at->second : nullptr;
}

header_match::header_match(std::string_view how, const message_headers& wanted) : text_(how) {
  for (const auto& [name, value] : wanted.entries()) {
    if (name.find('=') != name.npos)
      throw troupe_error(errc::invalid_argument,
                         fmt::format("a match of the header '{}': no name with a '=' can be matched", name));
    text_ += " " + name + "=" + value.text();
  }
}

namespace detail {

namespace {

/// Takes a value off the front of `text`; false if its quote is not closed.
bool take_value(std::string_view& text, header_value& value) {
  if (text.starts_with('\'')) {
    std::string read;
    for (std::size_t i = 1; i != text.size(); ++i) {
      if (text[i] == '\'') {
        value = header_value(std::move(read));
        text.remove_prefix(i + 1);
        return true;
      }
      if (text[i] == '\\' && i + 1 != text.size()) ++i;
      read += text[i];
    }
    return false;
  }
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  const char* const end = word.data() + word.size();
  std::int64_t whole = 0;
  double number = 0;
  if (const auto read = std::from_chars(word.data(), end, whole); read.ec == std::errc() && read.ptr == end)
    value = header_value(whole);
  else if (const auto again = std::from_chars(word.data(), end, number); again.ec == std::errc() && again.ptr == end)
    value = header_value(number);
  else if (word == "true" || word == "false")
    value = header_value(word == "true");
  else
    value = header_value(word);
  return true;
}

error bad_match(std::string_view text, std::string_view what) {
  return error(
      errc::invalid_argument,
      fmt::format("match '{}': {}; expected 'all' or 'any', and then such as region='eu' size=10", text, what));
}

}  // namespace

bool parsed_match::fits(const message_headers& message) const noexcept {
  for (const auto& [name, value] : wanted.entries()) {
    const header_value* const found = message.find(name);
    if ((found && *found == value) != all) return !all;
  }
  return all;
}

result<parsed_match> parse_match(std::string_view text) {
  if (text.size() > longest_match)
    return error(errc::invalid_argument,
                 fmt::format("a match of {} bytes: at most {} are allowed", text.size(), longest_match));
  parsed_match made;
  std::string_view rest = text;
  const std::string_view how = rest.substr(0, rest.find(' '));
  rest.remove_prefix(how.size());
  if (how != "all" && how != "any") return bad_match(text, fmt::format("'{}' is neither", how));
  made.all = how == "all";
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (rest.empty()) break;
    const std::size_t equals = rest.find('=');
    const std::string_view name = rest.substr(0, equals);
    if (equals == std::string_view::npos || name.empty() || name.find_first_of(" '") != std::string_view::npos)
      return bad_match(text, fmt::format("'{}' is no name and value", rest.substr(0, rest.find(' '))));
    if (made.wanted.find(name)) return bad_match(text, fmt::format("'{}' is there twice", name));
    rest.remove_prefix(equals + 1);
    header_value value = false;
    if (!take_value(rest, value)) return bad_match(text, fmt::format("the text of '{}' has no end", name));
    if (!rest.empty() && rest.front() != ' ')
      return bad_match(text, fmt::format("expected a space behind the value of '{}'", name));
    made.wanted.set(std::string(name), std::move(value));
  }
  if (!made.all && made.wanted.entries().empty()) return bad_match(text, "'any' of nothing fits no message");
  return made;
}

}  // namespace detail

}  // namespace troupe
