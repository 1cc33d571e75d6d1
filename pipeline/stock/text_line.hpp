#pragma once

#include <string>

namespace troupe::pipeline::stock {

/// The message `text_line`: one line of text, without its end.
struct text_line {
  std::string text;
};

}  // namespace troupe::pipeline::stock
