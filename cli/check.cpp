#include <fmt/format.h>

#include <troupe/cli/command.hpp>
#include <troupe/cli/report.hpp>
#include <troupe/pipeline/pipeline.hpp>

namespace troupe::cli {

exit_code check(const file_arguments& arguments, const pipeline::registry& classes) {
  const auto loaded = pipeline::pipeline::load(arguments.file, classes, {arguments.set, 0, false});
  complain(loaded.notes);
  if (loaded) return print(fmt::format("{}: ok\n", arguments.file.native()));
  complain(loaded.errors);
  return exit_code::bad_input;
}

}  // namespace troupe::cli
