#include <troupe/pipeline/value.hpp>

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace troupe::pipeline {

const std::vector<std::string>& value_type_names() {
  static const std::vector<std::string> names{"integer", "number", "boolean", "text", "path"};
  return names;
}

std::string_view to_string(value_type type) noexcept { return value_type_names()[static_cast<std::size_t>(type)]; }

std::string to_text(const value& v) {
  struct visitor {
    std::string operator()(std::int64_t i) const { return fmt::format("{}", i); }
    std::string operator()(double d) const { return fmt::format("{}", d); }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(const std::string& s) const { return s; }
    std::string operator()(const std::filesystem::path& p) const { return p.native(); }
  };
  return std::visit(visitor{}, v);
}

namespace {

template <class T>
result<value> parse_number(std::string_view text, std::string_view what) {
  T parsed{};
  const char* first = text.data();
  const char* last = first + text.size();
  // std::from_chars takes no plus sign.
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') ++first;
  const auto [end, code] = std::from_chars(first, last, parsed);
  if (code == std::errc::result_out_of_range)
    return error(errc::invalid_argument, fmt::format("'{}' is out of the range of {}", text, what));
  if (code != std::errc{} || end != last || text.empty())
    return error(errc::invalid_argument, fmt::format("expected {}, not '{}'", what, text));
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(parsed))
      return error(errc::invalid_argument, fmt::format("expected a finite number, not '{}'", text));
  }
  return value(parsed);
}

}  // namespace

result<value> parse_value(value_type type, std::string_view text) {
  switch (type) {
    case value_type::integer: return parse_number<std::int64_t>(text, "an integer");
    case value_type::number: return parse_number<double>(text, "a number");
    case value_type::boolean:
      if (text == "true") return value(true);
      if (text == "false") return value(false);
      return error(errc::invalid_argument, fmt::format("expected 'true' or 'false', not '{}'", text));
    case value_type::text: return value(std::string(text));
    case value_type::path:
      if (text.find('\0') != text.npos) return error(errc::invalid_argument, "a path holds no NUL character");
      return value(std::filesystem::path(text));
  }
  return error(errc::invalid_argument, "unknown type");
}

bool convertible(value_type from, value_type to) noexcept {
  return from == to || to == value_type::text || (from == value_type::integer && to == value_type::number) ||
         (from == value_type::text && to == value_type::path);
}

value convert(const value& v, value_type to) {
  if (type_of(v) == to) return v;
  if (to == value_type::number) return static_cast<double>(std::get<std::int64_t>(v));
  if (to == value_type::path) return std::filesystem::path(std::get<std::string>(v));
  return to_text(v);
}

}  // namespace troupe::pipeline
