#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/exchange_info.hpp>
#include <troupe/pipeline/diagnostic.hpp>
#include <troupe/pipeline/registry.hpp>

namespace troupe::pipeline {

namespace detail {
struct plan;
}

/// How a pipeline file is read.
struct load_options {
  std::vector<std::string> set;  ///< overrides of parameters, each `name=value`
  unsigned workers = 0;          ///< overrides the file's number of workers; 0: as the file says, else one per core
  bool require_values = true;    ///< whether a parameter without default must be set; checking can do without
};

/// How a run ended.
enum class outcome : std::uint8_t {
  finished,  ///< all actors ended, or one called `context::stop_run`
  failed,    ///< an actor crashed or could not be made
  stopped,   ///< the stop token asked for it
};

/// What a run has to tell.
struct run_report {
  outcome how = outcome::finished;
  std::vector<std::string> failures;  ///< a sentence for each actor that failed, naming it and the error
  std::vector<std::string> stuck;     ///< a sentence for each actor that did not end by the deadline
  /// A sentence for each exchange with messages that reached nobody: no key fitted, or all subscribers had ended, and
  /// there was no alternate. And for each queue with dead letters that has no exchange for them.
  std::vector<std::string> unroutable;
  std::vector<exchange_info> exchanges{};  ///< how they were left, by name
};

/// A look at what is published on an exchange of the pipeline.
struct tap_options {
  std::string exchange;  ///< its name
  std::string pattern;   ///< of the keys that are looked at; empty: all
};

/// How a pipeline is run.
struct run_options {
  std::stop_token stop;                                         ///< asks for an early end, from any thread
  std::chrono::nanoseconds deadline = std::chrono::seconds(5);  ///< how long an early end may take
  /// Each prints on standard error, as `exchange::tap` does; what is wrong with one fails the run.
  std::vector<tap_options> taps = {};
};

struct load_result;

/// A pipeline file that was read and checked. Immutable; cheap to copy; safe to use from any thread.
class pipeline {
public:
  /// Reads and checks a file; runs nothing. Never throws for what is in the file.
  static load_result load(const std::filesystem::path& file, const registry& classes, const load_options& options = {});

  /// The number of workers to run with, at least 1.
  unsigned workers() const;

  /// The names of its exchanges, as they are in the file.
  std::vector<std::string> exchanges() const;

  /// The wiring as text in Graphviz DOT: actors are boxes, exchanges ellipses with what the file says of them.
  std::string graph() const;

  /// Runs the pipeline on a fresh runtime until all actors have ended, one has crashed, or a stop is asked for; in the
  /// latter two cases it shuts the runtime down. Blocks; call it from no actor. Throws nothing but `std::bad_alloc`.
  run_report run(runtime& rt, const run_options& options = {}) const;

private:
  explicit pipeline(std::shared_ptr<const detail::plan> plan) : plan_(std::move(plan)) {}

  std::shared_ptr<const detail::plan> plan_;
};

/// A pipeline, or all that is wrong with its file.
struct load_result {
  std::optional<troupe::pipeline::pipeline> value;
  diagnostics errors;  ///< in the order of the file; none where there is a pipeline
  diagnostics notes;   ///< what is no error, but worth saying: each message begins with "note: "

  explicit operator bool() const noexcept { return value.has_value(); }
};

}  // namespace troupe::pipeline
