#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::pipeline {

/// A place in a pipeline file; line and column count from 1, and columns count bytes. Line 0: no place in the file.
struct location {
  std::size_t line = 0;    ///< from 1
  std::size_t column = 0;  ///< from 1, in bytes

  friend auto operator<=>(const location&, const location&) = default;
};

/// What is wrong with a pipeline file, and where.
struct diagnostic {
  std::string file;     ///< as it was given; empty where the command line is meant
  location at;          ///< where in the file
  std::string message;  ///< what was found, what was expected, and the nearest name where one is near

  friend bool operator==(const diagnostic&, const diagnostic&) = default;
};

/// `file:line:column: message`, without what is not known.
std::string to_string(const diagnostic& d);

/// All that is wrong, in the order of the file.
using diagnostics = std::vector<diagnostic>;

}  // namespace troupe::pipeline
