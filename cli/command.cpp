#include <troupe/cli/command.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <exception>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <troupe/cli/report.hpp>
#include <troupe/pipeline/text.hpp>

namespace troupe::cli {

namespace {

constexpr unsigned max_workers = 1024;
constexpr double max_deadline = 86'400;
constexpr double min_interval = 0.01;
constexpr double max_interval = 86'400;

// `CLI::Range` lets through what is no number at all: NaN is neither below nor above anything.
CLI::Validator seconds(double least, double most) {
  const auto check = [least, most](const std::string& text) {
    double n = 0;
    const bool good = CLI::detail::lexical_cast(text, n) && n >= least && n <= most;
    return good ? std::string() : fmt::format("'{}' is no number of seconds from {} to {}", text, least, most);
  };
  return CLI::Validator(check, "");
}

// The command line as CLI11 sees it.
class command_line {
public:
  command_line() {
    app_.name("troupe");
    app_.require_subcommand(1);
    app_.set_help_flag("-h,--help", "Print this help");
    app_.set_version_flag("--version", "troupe " TROUPE_VERSION, "Print the version");
    app_.footer(
        "Exit codes: 0 all right, 1 the run failed, 2 bad usage or a bad file, 130 ended by Ctrl-C, 143 by SIGTERM.");

    run_ = app_.add_subcommand("run", "Run a pipeline until its sources have ended, or until Ctrl-C");
    add_file(*run_, run.input);
    run_->add_option("--workers", run.workers, "Threads that run actors (default: as the file says, else one per core)")
        ->type_name("N")
        ->check(CLI::Range(1U, max_workers).description(""));
    run_->add_option("--deadline", deadline_, "Seconds that an early end may take")
        ->type_name("S")
        ->check(seconds(0, max_deadline))
        ->capture_default_str();
    run_->add_option("--tap", run.taps,
                     "Print what is published on this exchange, as name[1]: message, on standard error; with a pattern "
                     "only what has such a key; may be repeated")
        ->type_name("EXCHANGE[:PATTERN]")
        ->expected(1)
        ->take_all();
    run_->add_option("--stats", interval_,
                     "Print tables of what the actors and exchanges do each so many seconds, and at the end")
        ->type_name("S")
        ->expected(0, 1)
        ->check(seconds(min_interval, max_interval))
        ->default_str("5");
    run_->add_option("--stats-json", lines_, "Write the same to this file, a line of JSON each time")
        ->type_name("FILE");
    check_ = app_.add_subcommand("check", "Check a pipeline without running it");
    add_file(*check_, check);
    graph_ = app_.add_subcommand("graph", "Print a pipeline's wiring in Graphviz DOT, or draw it");
    add_file(*graph_, graph.input);
    graph_->add_option("-o,--output", drawing_, "Draw to this file: .svg, .png, .pdf, .ps or .dot");
    classes_ = app_.add_subcommand("classes", "List the actor classes with their parameters and messages");
  }
  command_line(const command_line&) = delete;
  command_line& operator=(const command_line&) = delete;

  void parse(int argc, const char* const* argv) {
    app_.parse(argc, argv);
    run.deadline = std::chrono::nanoseconds(std::llround(deadline_ * 1e9));
    run.statistics.table = run_->count("--stats") != 0;
    run.statistics.interval = std::chrono::nanoseconds(std::llround(interval_ * 1e9));
    if (run_->count("--stats-json") != 0) run.statistics.lines = lines_;
    if (graph_->count("--output") != 0) graph.drawing = drawing_;
  }

  exit_code dispatch(const pipeline::registry& classes) const {
    if (run_->parsed()) return cli::run(run, classes);
    if (check_->parsed()) return cli::check(check, classes);
    if (graph_->parsed()) return cli::graph(graph, classes);
    return list_classes(classes);
  }

  std::string help() const { return app_.help(); }

  std::vector<std::string> commands() const { return {"run", "check", "graph", "classes"}; }

  run_arguments run;
  file_arguments check;
  graph_arguments graph;

private:
  static void add_file(CLI::App& command, file_arguments& arguments) {
    command.add_option("file", arguments.file, "The pipeline file")->required();
    // One value each, so that what follows `--set a=b` is not taken for another.
    command.add_option("--set", arguments.set, "Set a parameter of the pipeline: name=value; may be repeated")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->take_all();
  }

  CLI::App app_{"Runs pipelines of actors that a YAML file wires together."};
  CLI::App* run_ = nullptr;
  CLI::App* check_ = nullptr;
  CLI::App* graph_ = nullptr;
  CLI::App* classes_ = nullptr;
  double deadline_ = 5;
  double interval_ = 5;
  std::filesystem::path lines_;
  std::filesystem::path drawing_;
};

// Files get the lowest free number: without this one that is opened later would stand where the output goes. What is
// opened here lets nothing through, so that using it is an error like any other.
void hold_standard_files() noexcept {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) == -1) (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

exit_code main(int argc, const char* const* argv, const pipeline::registry& classes) {
  hold_standard_files();
  // A closed pipe is told by write(), so that `troupe ... | head` can end quietly.
  std::signal(SIGPIPE, SIG_IGN);
  command_line line;
  if (argc < 2) {
    print(line.help());
    return exit_code::bad_input;
  }
  const std::string_view first = argv[1];
  const auto commands = line.commands();
  if (!first.starts_with('-') && std::find(commands.begin(), commands.end(), first) == commands.end()) {
    complain(fmt::format("unknown command '{}'{}", pipeline::printable(first), pipeline::suggestion(first, commands)));
    return exit_code::bad_input;
  }
  try {
    line.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(line.help());
  } catch (const CLI::CallForVersion& e) {
    return print(fmt::format("{}\n", e.what()));
  } catch (const CLI::ParseError& e) {
    complain(fmt::format("{} ('troupe{} --help' tells more)", pipeline::printable(e.what()),
                         first.starts_with('-') ? std::string() : fmt::format(" {}", first)));
    return exit_code::bad_input;
  }
  try {
    return line.dispatch(classes);
  } catch (const std::exception& e) {
    complain(e.what());
    return exit_code::failed;
  }
}

}  // namespace troupe::cli
