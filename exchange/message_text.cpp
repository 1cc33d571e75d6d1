#include <troupe/exchange/message_text.hpp>

#include <iterator>
#include <sstream>

#include <fmt/format.h>

namespace troupe::detail {

std::string quoted_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\'' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '\'';
}

std::string written_text(void (*write)(std::ostream&, const void*), const void* object) {
  std::ostringstream out;
  write(out, object);
  return out.str();
}

}  // namespace troupe::detail
