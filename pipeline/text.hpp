#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::pipeline {

/// Whether a text may name a class, an actor, a parameter: letters, digits, '_', '-', '.', a letter or '_' first.
bool is_name(std::string_view text) noexcept;

/// The least number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// " (did you mean 'x'?)" where a known name is near, else " (known: a, b)" where they are few, else nothing.
std::string suggestion(std::string_view name, const std::vector<std::string>& known);

/// The text cut to a readable length and with control characters and broken UTF-8 spelled as escapes, so that it is
/// safe to print on a terminal.
std::string printable(std::string_view text, std::size_t limit = 200);

/// The offset of the first byte that is no valid UTF-8, or `npos`.
std::size_t find_invalid_utf8(std::string_view text) noexcept;

}  // namespace troupe::pipeline
