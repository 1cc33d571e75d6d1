#include <troupe/base/log.hpp>

#include <cstdio>
#include <utility>
#include <vector>

#include <troupe/base/atomic.hpp>

namespace troupe {

namespace {

void to_standard_error(std::string_view line) noexcept {
  std::fprintf(stderr, "troupe: %.*s\n", static_cast<int>(line.size()), line.data());
}

atomic<log_sink> current_sink{&to_standard_error};  // the release of the setter pairs with the acquire of the writer

std::vector<std::weak_ptr<const std::string>>& contexts() {
  static thread_local std::vector<std::weak_ptr<const std::string>> of_this_thread;
  return of_this_thread;
}

}  // namespace

log_context::log_context(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {
  std::erase_if(contexts(), [](const auto& c) { return c.expired(); });
  contexts().push_back(text_);
}

std::string log_context::text() {
  std::string joined;
  for (const auto& c : contexts()) {
    const auto text = c.lock();
    if (!text) continue;
    if (!joined.empty()) joined += ", ";
    joined += *text;
  }
  return joined;
}

void set_log_sink(log_sink sink) noexcept { current_sink.store(sink ? sink : &to_standard_error, release); }

void log_line(std::string_view line) noexcept {
  const std::string context = log_context::text();
  if (context.empty()) return current_sink.load(acquire)(line);
  std::string longer(line);
  longer += " [" + context + "]";
  current_sink.load(acquire)(longer);
}

}  // namespace troupe
