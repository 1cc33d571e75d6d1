#include <csignal>
#include <exception>

#include <troupe/cli/command.hpp>
#include <troupe/cli/report.hpp>
#include <troupe/pipeline/stock/classes.hpp>

namespace troupe::cli {

// Made by the build from the folders of samples/ that have a pipeline.
void register_samples(pipeline::registry& classes);

}  // namespace troupe::cli

int main(int argc, char** argv) {
  // A closed pipe is told by write(), so that `troupe ... | head` can end quietly.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    troupe::pipeline::registry classes;
    troupe::pipeline::stock::register_classes(classes);
    troupe::cli::register_samples(classes);
    return static_cast<int>(troupe::cli::main(argc, argv, classes));
  } catch (const std::exception& e) {
    troupe::cli::complain(e.what());
    return static_cast<int>(troupe::cli::exit_code::failed);
  }
}
