#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How figures are shown to people and programs. Internal.
namespace troupe::detail {

/// With a comma between thousands.
std::string grouped(std::uint64_t n);

using text_row = std::vector<std::string>;

/// Columns as wide as their widest entry: the first and the last to the left, numbers to the right. All rows are as
/// long as the first.
std::string aligned(const std::vector<text_row>& rows);

/// A string of JSON.
std::string json_string(std::string_view text);

}  // namespace troupe::detail
