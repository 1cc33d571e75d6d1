#include <troupe/cli/report.hpp>

#include <cstdio>

#include <troupe/pipeline/output.hpp>

namespace troupe::cli {

void complain(std::string_view message) noexcept {
  std::fprintf(stderr, "troupe: %.*s\n", static_cast<int>(message.size()), message.data());
}

void complain(const pipeline::diagnostics& errors) {
  for (const auto& e : errors) complain(to_string(e));
}

exit_code print(std::string_view text) {
  auto out = pipeline::output::standard();
  auto written = out.write(text);
  if (written) written = out.finish();
  if (written || written.error() == errc::closed) return exit_code::ok;
  complain(written.error().message());
  return exit_code::failed;
}

}  // namespace troupe::cli
