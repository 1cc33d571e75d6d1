#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <troupe/cli/command.hpp>
#include <troupe/cli/dot.hpp>
#include <troupe/cli/report.hpp>
#include <troupe/pipeline/output.hpp>
#include <troupe/pipeline/pipeline.hpp>

namespace troupe::cli {

namespace {

constexpr std::array<std::string_view, 5> formats{"svg", "png", "pdf", "ps", "dot"};

exit_code write_file(const std::filesystem::path& file, std::string_view bytes) {
  auto out = pipeline::output::create(file);
  if (!out) {
    complain(out.error().message());
    return exit_code::failed;
  }
  auto written = out->write(bytes);
  if (written) written = out->finish();
  if (written) return exit_code::ok;
  complain(written.error().message());
  return exit_code::failed;
}

}  // namespace

exit_code graph(const graph_arguments& arguments, const pipeline::registry& classes) {
  std::string format;
  if (arguments.drawing) {
    const auto extension = arguments.drawing->extension().native();
    format = extension.empty() ? "" : extension.substr(1);
    if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
      complain(fmt::format("cannot draw '{}': expected a name that ends with .{}", arguments.drawing->native(),
                           fmt::join(formats, ", .")));
      return exit_code::bad_input;
    }
  }
  const auto loaded = pipeline::pipeline::load(arguments.input.file, classes, {arguments.input.set, 0, false});
  if (!loaded) {
    complain(loaded.errors);
    return exit_code::bad_input;
  }
  const auto dot = loaded.value->graph();
  if (!arguments.drawing) return print(dot);
  if (format == "dot") return write_file(*arguments.drawing, dot);
  const auto drawing = draw(dot, format);
  if (drawing) return write_file(*arguments.drawing, *drawing);
  complain(drawing.error().message());
  return exit_code::failed;
}

}  // namespace troupe::cli
