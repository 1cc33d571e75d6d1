#pragma once

#include <string_view>

namespace troupe {

/// Where Troupe writes what nobody asked for but somebody should see: a crashed actor, a green thread that threw and
/// has no reader. The default writes "troupe: ..." and a newline to standard error in one call.
using log_sink = void (*)(std::string_view line) noexcept;

/// Replaces the sink of the process; null restores the default. Any thread.
void set_log_sink(log_sink sink) noexcept;

/// Writes one line. Any thread; never throws.
void log_line(std::string_view line) noexcept;

}  // namespace troupe
