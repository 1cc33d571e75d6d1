#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <troupe/pipeline/registry.hpp>

namespace troupe::cli {

/// What the command tells the shell.
enum class exit_code : int {
  ok = 0,             ///< all right
  failed = 1,         ///< a run failed, or output could not be written
  bad_input = 2,      ///< bad usage or a bad file
  interrupted = 130,  ///< ended by Ctrl-C
  terminated = 143,   ///< ended by SIGTERM
};

/// A pipeline file and what of it is overridden.
struct file_arguments {
  std::filesystem::path file;    ///< relative to the working directory
  std::vector<std::string> set;  ///< each `name=value`
};

/// What `troupe graph` is told.
struct graph_arguments {
  file_arguments input;
  std::optional<std::filesystem::path> drawing;  ///< none: the DOT text goes to standard output
};

/// What is told of a run while it goes on.
struct statistics_arguments {
  bool table = false;                          ///< on standard error
  std::optional<std::filesystem::path> lines;  ///< a file for lines of JSON
  std::chrono::nanoseconds interval = std::chrono::seconds(5);

  bool wanted() const noexcept { return table || lines; }
};

/// What `troupe run` is told.
struct run_arguments {
  file_arguments input;
  statistics_arguments statistics;
  std::vector<std::string> taps;  ///< exchanges whose messages are shown: each a name, or `name:pattern`
  unsigned workers = 0;           ///< 0: as the file says
  std::chrono::nanoseconds deadline = std::chrono::seconds(5);  ///< how long an early end may take
};

/// The commands. Each prints its result on standard output and its complaints on standard error, and throws nothing but
/// what the standard library throws for want of memory or threads.
exit_code check(const file_arguments& arguments, const pipeline::registry& classes);
exit_code graph(const graph_arguments& arguments, const pipeline::registry& classes);
exit_code list_classes(const pipeline::registry& classes);
exit_code run(const run_arguments& arguments, const pipeline::registry& classes);

/// The whole command: reads the command line and does what it says. Ignores SIGPIPE from then on, and fills the places
/// of standard files that are closed, so that no other file gets their numbers; throws nothing. Call it from `main`,
/// before there are other threads.
exit_code main(int argc, const char* const* argv, const pipeline::registry& classes);

}  // namespace troupe::cli
