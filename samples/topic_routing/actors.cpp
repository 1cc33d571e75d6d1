#include "actors.hpp"

#include <fstream>
#include <string>

namespace topic_routing {

keyed_line_source::keyed_line_source(const troupe::pipeline::context& c)
    : file_(c.get<std::filesystem::path>("file")), lines_(c.output<text_line>("lines")) {}

troupe::task<> keyed_line_source::run() {
  std::ifstream in(file_);
  if (!in) throw troupe::troupe_error(troupe::errc::io, "cannot read '" + file_.native() + "'");
  for (std::string line; std::getline(in, line) && !stop_requested();) {
    const auto blank = line.find(' ');
    const auto text = blank == line.npos ? std::string() : line.substr(blank + 1);
    lines_.publish(line.substr(0, blank), {text});
    co_await troupe::this_task::yield();
  }
}

void register_classes(troupe::pipeline::registry& r) {
  r.message<text_line>("text_line");
  r.actor<keyed_line_source>("keyed_line_source",
                             "Reads a file of lines that begin with a key, and publishes them with it")
      .parameter<std::filesystem::path>("file", "File to read")
      .output<text_line>("lines");
}

}  // namespace topic_routing
