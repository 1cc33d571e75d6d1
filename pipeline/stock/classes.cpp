#include <troupe/pipeline/stock/classes.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

#include <troupe/pipeline/stock/line_sinks.hpp>
#include <troupe/pipeline/stock/line_source.hpp>
#include <troupe/pipeline/stock/text_line.hpp>

namespace troupe::pipeline::stock {

void register_classes(registry& classes) {
  classes.message<text_line>("text_line");
  classes.actor<line_source>("line_source", "Reads a file and publishes its lines")
      .parameter<std::filesystem::path>("file", "File to read")
      .output<text_line>("lines");
  classes.actor<printer>("printer", "Prints lines on standard output")
      .parameter<std::string>("prefix", "Text before each line", "")
      .input<text_line>();
  classes.actor<line_file>("line_file", "Writes lines to a file")
      .parameter<std::filesystem::path>("file", "File to write; made or emptied")
      .input<text_line>();
}

}  // namespace troupe::pipeline::stock
