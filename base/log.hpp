#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// Where Troupe writes what nobody asked for but somebody should see: a crashed actor, a green thread that threw and
/// has no reader. The default writes "troupe: ..." and a newline to standard error in one call.
using log_sink = void (*)(std::string_view line) noexcept;

/// Replaces the sink of the process; null restores the default. Any thread.
void set_log_sink(log_sink sink) noexcept;

/// Writes one line, with the `log_context`s of the calling thread behind it. Any thread; never throws.
void log_line(std::string_view line) noexcept;

/// While it lives, lines that its thread writes end with " [text]": which seed replays what happens here, say. Made by
/// the thread that it speaks of; may end on another one.
class log_context {
public:
  explicit log_context(std::string text);
  log_context(const log_context&) = delete;
  log_context& operator=(const log_context&) = delete;
  ~log_context();

  /// What the contexts of the calling thread say, the oldest first, joined by ", "; empty if there is none.
  static std::string text();

private:
  std::shared_ptr<const std::string> text_;
};

}  // namespace troupe
