#include <troupe/base/text_table.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>

namespace troupe::detail {

std::string grouped(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string aligned(const std::vector<text_row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const text_row& r : rows)
    for (std::size_t i = 0; i != r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
  std::string text;
  for (const text_row& r : rows) {
    for (std::size_t i = 0; i != r.size(); ++i) {
      if (i == 0)
        fmt::format_to(std::back_inserter(text), "{:<{}}", r[i], widths[i]);
      else if (i + 1 == r.size())
        fmt::format_to(std::back_inserter(text), "  {}", r[i]);
      else
        fmt::format_to(std::back_inserter(text), "  {:>{}}", r[i], widths[i]);
    }
    text += '\n';
  }
  return text;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace troupe::detail
