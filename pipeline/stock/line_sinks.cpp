#include <troupe/pipeline/stock/line_sinks.hpp>

#include <filesystem>

#include <fmt/format.h>

namespace troupe::pipeline::stock {

printer::printer(const context& c) : context_(c), prefix_(c.get<std::string>("prefix")), out_(output::standard()) {}

void printer::on(const text_line& line) {
  if (!closed_) check(out_.write(fmt::format("{}{}\n", prefix_, line.text)));
}

void printer::on_stop() {
  if (!closed_) check(out_.finish());
}

void printer::check(const result<void>& written) {
  if (written) return;
  if (written.error().code() != errc::closed) written.value();
  closed_ = true;
  context_.stop_run();
}

line_file::line_file(const context& c) : out_(output::create(c.get<std::filesystem::path>("file")).value()) {}

void line_file::on(const text_line& line) { out_.write(line.text + '\n').value(); }

void line_file::on_stop() { out_.finish().value(); }

}  // namespace troupe::pipeline::stock
