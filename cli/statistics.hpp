#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <troupe/actors/runtime.hpp>
#include <troupe/base/result.hpp>
#include <troupe/cli/command.hpp>
#include <troupe/exchange/exchange_info.hpp>
#include <troupe/pipeline/output.hpp>

namespace troupe::cli {

/// The file for lines of JSON, if one is wanted. `errc::io` where it cannot be made.
result<std::optional<pipeline::output>> open_lines(const statistics_arguments& arguments);

/// Tells what the actors and the exchanges of a runtime do: each interval, on a thread of its own that is called
/// "stats", and once more at the end, over the whole run. The runtime measures, and outlives it. Does nothing if
/// nothing is wanted.
class statistics_printer {
public:
  /// Throws `std::system_error` where the system refuses a thread.
  statistics_printer(runtime& rt, const statistics_arguments& arguments, std::optional<pipeline::output> lines);
  statistics_printer(const statistics_printer&) = delete;
  statistics_printer& operator=(const statistics_printer&) = delete;
  /// Ends it without the last word, if `finish` was not called.
  ~statistics_printer();

  /// The last word; `exchanges` as they were left. False if the file could not be written, which has been complained
  /// of.
  bool finish(const std::vector<exchange_info>& exchanges);

private:
  void live();
  void stop();
  void tell(const runtime_statistics& run, const runtime_statistics& interval,
            const std::vector<exchange_info>& exchanges, const std::vector<exchange_info>& exchanges_before);

  runtime& rt_;
  const statistics_arguments arguments_;
  std::optional<pipeline::output> lines_;
  bool failed_ = false;  // to write the file
  std::mutex mutex_;
  std::condition_variable over_;
  bool stopped_ = false;  // under mutex_
  std::thread thread_;    // the members above but for the last two are its own while it runs
};

}  // namespace troupe::cli
