#pragma once

#include <string>
#include <string_view>

#include <troupe/cli/command.hpp>
#include <troupe/pipeline/diagnostic.hpp>

namespace troupe::cli {

/// A line on standard error, after the name of the command. Any thread.
void complain(std::string_view message) noexcept;

/// Each diagnostic as a line on standard error.
void complain(const pipeline::diagnostics& errors);

/// Writes a text to standard output. A closed pipe is a quiet success: its reader has seen enough.
exit_code print(std::string_view text);

}  // namespace troupe::cli
