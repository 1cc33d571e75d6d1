#include <troupe/cli/command.hpp>
#include <troupe/pipeline/stock/classes.hpp>

namespace troupe::cli {

// Made by the build from the folders of samples/ that have a pipeline.
void register_samples(pipeline::registry& classes);

}  // namespace troupe::cli

int main(int argc, char** argv) {
  troupe::pipeline::registry classes;
  troupe::pipeline::stock::register_classes(classes);
  troupe::cli::register_samples(classes);
  return static_cast<int>(troupe::cli::main(argc, argv, classes));
}
