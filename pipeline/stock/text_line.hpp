#pragma once

#include <ostream>
#include <string>

#include <troupe/exchange/message_text.hpp>

namespace troupe::pipeline::stock {

/// The message `text_line`: one line of text, without its end.
struct text_line {
  std::string text;  ///< any bytes but the end of line

  /// For people: in single quotes.
  friend std::ostream& operator<<(std::ostream& out, const text_line& line) {
    return out << troupe::to_text(line.text);
  }
};

}  // namespace troupe::pipeline::stock
