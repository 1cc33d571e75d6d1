#pragma once

#include <string>

namespace troupe::pipeline::stock {

/// The message `text_line`: one line of text, without its end.
struct text_line {
  std::string text;  ///< any bytes but the end of line
};

}  // namespace troupe::pipeline::stock
