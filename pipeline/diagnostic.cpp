#include <troupe/pipeline/diagnostic.hpp>

#include <fmt/format.h>

#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline {

std::string to_string(const diagnostic& d) {
  const std::string file = printable(d.file);
  if (d.at.line != 0) return fmt::format("{}:{}:{}: {}", file, d.at.line, d.at.column, d.message);
  return d.file.empty() ? d.message : fmt::format("{}: {}", file, d.message);
}

}  // namespace troupe::pipeline
