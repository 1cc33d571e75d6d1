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

// Of this thread; null while there is none, so that lines can be written until the very end of a thread.
constinit thread_local std::vector<std::weak_ptr<const std::string>>* contexts = nullptr;

}  // namespace

log_context::log_context(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {
  if (!contexts) contexts = new std::vector<std::weak_ptr<const std::string>>;
  contexts->push_back(text_);
}

log_context::~log_context() {
  text_.reset();
  if (!contexts) return;
  std::erase_if(*contexts, [](const auto& c) { return c.expired(); });
  if (contexts->empty()) delete std::exchange(contexts, nullptr);
}

std::string log_context::text() {
  std::string joined;
  if (!contexts) return joined;
  for (const auto& c : *contexts) {
    const auto text = c.lock();
    if (!text) continue;
    if (!joined.empty()) joined += ", ";
    joined += *text;
  }
  return joined;
}

void set_log_sink(log_sink sink) noexcept { current_sink.store(sink ? sink : &to_standard_error, release); }

void log_line(std::string_view line) noexcept {
  std::string longer;
  try {
    const std::string context = log_context::text();
    if (!context.empty()) longer.append(line).append(" [").append(context).append("]");
  } catch (...) {  // there is no memory: the line alone
    longer.clear();
  }
  current_sink.load(acquire)(longer.empty() ? line : longer);
}

}  // namespace troupe
