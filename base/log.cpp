#include <troupe/base/log.hpp>

#include <cstdio>

#include <troupe/base/atomic.hpp>

namespace troupe {

namespace {

void to_standard_error(std::string_view line) noexcept {
  std::fprintf(stderr, "troupe: %.*s\n", static_cast<int>(line.size()), line.data());
}

atomic<log_sink> current_sink{&to_standard_error};  // the release of the setter pairs with the acquire of the writer

}  // namespace

void set_log_sink(log_sink sink) noexcept { current_sink.store(sink ? sink : &to_standard_error, release); }

void log_line(std::string_view line) noexcept { current_sink.load(acquire)(line); }

}  // namespace troupe
