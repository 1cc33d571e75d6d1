#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/actors/runtime.hpp>
#include <troupe/base/log.hpp>
#include <troupe/cli/command.hpp>
#include <troupe/cli/report.hpp>
#include <troupe/cli/signals.hpp>
#include <troupe/cli/statistics.hpp>
#include <troupe/pipeline/pipeline.hpp>
#include <troupe/pipeline/text.hpp>

namespace troupe::cli {

namespace {

exit_code code_of(const pipeline::run_report& report, int signal) {
  if (report.how == pipeline::outcome::failed) return exit_code::failed;
  if (report.how == pipeline::outcome::stopped)
    return signal == SIGTERM ? exit_code::terminated : exit_code::interrupted;
  return report.stuck.empty() ? exit_code::ok : exit_code::failed;
}

// What `--tap` asks for; nothing, and a complaint, where there is no such exchange.
std::optional<std::vector<pipeline::tap_options>> taps_of(const run_arguments& arguments, const pipeline::pipeline& p) {
  std::vector<pipeline::tap_options> all;
  const auto known = p.exchanges();
  for (const std::string& text : arguments.taps) {
    const auto colon = text.find(':');
    const std::string name = text.substr(0, colon);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      complain(
          fmt::format("--tap: unknown exchange '{}'{}", pipeline::printable(name), pipeline::suggestion(name, known)));
      return std::nullopt;
    }
    all.push_back({name, colon == text.npos ? std::string() : text.substr(colon + 1)});
  }
  return all;
}

// The actors of a pipeline have names, and the report of the run tells of their crashes; others are called class#id,
// and this line is all that is ever said of them.
void log(std::string_view line) noexcept {
  const auto name_end = line.find(" crashed");
  const bool reported =
      line.starts_with("actor ") && name_end != line.npos && line.substr(0, name_end).find('#') == line.npos;
  if (!reported) complain(line);
}

}  // namespace

exit_code run(const run_arguments& arguments, const pipeline::registry& classes) {
  const auto loaded =
      pipeline::pipeline::load(arguments.input.file, classes, {arguments.input.set, arguments.workers, true});
  complain(loaded.notes);
  if (!loaded) {
    complain(loaded.errors);
    return exit_code::bad_input;
  }
  const auto taps = taps_of(arguments, *loaded.value);
  if (!taps) return exit_code::bad_input;
  auto lines = open_lines(arguments.statistics);
  if (!lines) {
    complain(lines.error().message());
    return exit_code::failed;
  }
  set_log_sink(&log);
  const std::stop_source stop;
  const signal_watch signals(stop);
  runtime_options options;
  options.workers = loaded.value->workers();
  options.measure = options.count_queues = arguments.statistics.wanted();
  runtime rt(options);
  statistics_printer statistics(rt, arguments.statistics, std::move(*lines));
  const auto report = loaded.value->run(rt, {stop.get_token(), arguments.deadline, *taps});
  for (const auto& failure : report.failures) complain(failure);
  for (const auto& stuck : report.stuck) complain(stuck);
  for (const auto& lost : report.unroutable) complain(lost);
  const bool told = statistics.finish(report.exchanges);
  auto code = code_of(report, signals.received());
  if (code == exit_code::ok && !told) code = exit_code::failed;
  // A thread that is stuck in an actor may still use what destructors would take from it.
  if (!report.stuck.empty()) std::_Exit(static_cast<int>(code));
  return code;
}

}  // namespace troupe::cli
