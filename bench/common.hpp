#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

/// What the benchmark programs share: options, output, waiting and the readers of /proc. It knows none of the
/// systems that are compared, so that each program measures and checks in the same way.
namespace bench {

using clock = std::chrono::steady_clock;

/// How long a round may take before it counts as failed: a lost message must not hang the program.
inline constexpr std::chrono::seconds round_limit{60};

/// What was asked for on the command line.
struct options {
  unsigned workers = 1;  ///< worker threads of the system
  double scale = 1;      ///< factor on the number of messages, actors or seconds

  /// `count` times the scale, rounded down to a multiple of `step`, and never below ten steps.
  std::uint64_t scaled(std::uint64_t count, std::uint64_t step = 1) const {
    auto n = static_cast<std::uint64_t>(static_cast<double>(count) * scale);
    return std::max(n / step, std::uint64_t{10}) * step;
  }
};

/// One benchmark: runs, prints its metrics, and returns whether its self check passed.
struct entry {
  std::string_view name;
  bool (*run)(const options&);
};

/// The sum 0 + 1 + ... + (n - 1).
constexpr std::uint64_t sum_below(std::uint64_t n) { return n == 0 ? 0 : n * (n - 1) / 2; }

/// Prints one metric as a line of JSON and returns `ok`.
inline bool print_metric(const char* metric, const char* unit, double value, bool ok) {
  std::printf("{\"metric\":\"%s\",\"unit\":\"%s\",\"value\":%.9g,\"ok\":%s}\n", metric, unit, value,
              ok ? "true" : "false");
  std::fflush(stdout);
  return ok;
}

/// Where a round ends: the actors arrive, the main thread waits. It takes the time at the last arrival, so that
/// the wake-up of the main thread is not measured.
class completion {
public:
  /// Expects that many arrivals from now on. Called by the main thread, between rounds.
  void expect(std::uint64_t arrivals) {
    std::lock_guard lock(mutex_);
    missing_ = arrivals;
    ok_ = true;
  }

  /// One arrival, with the verdict of its own check. Callable from any thread.
  void arrive(bool ok = true) {
    std::lock_guard lock(mutex_);
    ok_ = ok_ && ok && missing_ > 0;
    if (missing_ > 0 && --missing_ == 0) {
      last_ = clock::now();
      all_here_.notify_one();
    }
  }

  /// Waits for the last arrival and returns its time; nothing if a check failed or `round_limit` has passed.
  std::optional<clock::time_point> wait() {
    std::unique_lock lock(mutex_);
    if (!all_here_.wait_for(lock, round_limit, [this] { return missing_ == 0; })) {
      // The system still runs and would be torn down with work in it, which may never end.
      std::fprintf(stderr, "self check failed: %llu arrivals missing after %lld s\n",
                   static_cast<unsigned long long>(missing_), static_cast<long long>(round_limit.count()));
      std::fflush(stdout);
      std::_Exit(1);
    }
    if (!ok_) {
      std::fprintf(stderr, "self check failed: a wrong count or sum\n");
      return std::nullopt;
    }
    return last_;
  }

private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  std::uint64_t missing_ = 0;
  bool ok_ = true;
  clock::time_point last_;
};

/// Runs `start(n)` for a tenth of `n` to warm up, then for `n`, each until `done` has seen `arrivals`; `n` and its
/// tenth are multiples of `step`. Prints the time of the second round divided by `n * operations`.
template <class Start>
bool measure_time(const char* unit, completion& done, std::uint64_t arrivals, std::uint64_t n, std::uint64_t step,
                  std::uint64_t operations, Start&& start) {
  done.expect(arrivals);
  start(std::max(n / 10 / step, std::uint64_t{1}) * step);
  bool warm = done.wait().has_value();
  done.expect(arrivals);
  auto begin = clock::now();
  start(n);
  auto end = done.wait();
  double total = end ? std::chrono::duration<double, std::nano>(*end - begin).count() : 0;
  return print_metric("time", unit, total / static_cast<double>(n * operations), warm && end.has_value());
}

/// The number that follows `key` in a /proc status file; 0 if there is none.
inline std::uint64_t status_field(const std::filesystem::path& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) {
      return std::strtoull(line.c_str() + key.size(), nullptr, 10);
    }
  }
  return 0;
}

/// Resident memory of this process in bytes.
inline std::uint64_t resident_bytes() { return status_field("/proc/self/status", "VmRSS:") * 1024; }

/// Voluntary context switches of all live threads of this process since they began.
inline std::uint64_t voluntary_switches() {
  std::uint64_t sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    sum += status_field(thread.path() / "status", "voluntary_ctxt_switches:");
  }
  return sum;
}

/// Processor time of this process so far in seconds, user and system.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Prints how much memory `count` actors hold: the growth of resident memory since `before`, for each actor, less
/// `own_bytes`, the size of the members that the benchmark itself gave to it.
inline bool print_idle_memory(std::uint64_t before, std::uint64_t count, std::uint64_t own_bytes, bool ok,
                              const char* unit = "bytes/actor") {
  double growth = static_cast<double>(resident_bytes()) - static_cast<double>(before);
  return print_metric("bytes", unit, growth / static_cast<double>(count) - static_cast<double>(own_bytes), ok);
}

/// Sleeps 5 s times the scale (half a second or more) while the system idles, and prints the voluntary context
/// switches and the processor time of that window. The sleep itself is one switch.
inline bool measure_idle(const options& opts, bool ok) {
  auto window = std::chrono::duration<double>(std::max(0.5, 5 * std::min(1.0, opts.scale)));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the end of the work before is not idling
  auto switches = voluntary_switches();
  auto cpu = cpu_seconds();
  std::this_thread::sleep_for(window);
  cpu = cpu_seconds() - cpu;
  switches = voluntary_switches() - switches;
  print_metric("switches", "switches", static_cast<double>(switches), ok);
  return print_metric("cpu", "s", cpu, ok);
}

namespace detail {

[[noreturn]] inline void usage_error(const char* program, const std::string& what) {
  std::fprintf(stderr, "%s: %s\nusage: %s BENCH --workers N [--scale X] | --list\n", program, what.c_str(), program);
  std::exit(2);
}

template <class T>
T positive_number(const char* program, std::string_view option, const char* text) {
  T value{};
  auto end = text + std::strlen(text);
  auto parsed = std::from_chars(text, end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !(value > 0)) {
    usage_error(program, std::string(option) + " takes a positive number, not '" + text + "'");
  }
  return value;
}

}  // namespace detail

/// The `main` of a benchmark program: `BENCH --workers N [--scale X]` runs one of `entries`, `--list` names them.
/// Returns 0 if the self check passed, 1 if it failed; bad usage ends the process with 2.
inline int run_program(int argc, char** argv, std::span<const entry> entries) {
  options opts;
  std::string_view name;
  for (int i = 1; i < argc; ++i) {
    std::string_view arg = argv[i];
    if (arg == "--list") {
      for (const auto& each : entries) {
        std::printf("%s\n", std::string(each.name).c_str());
      }
      return 0;
    }
    if (arg == "--workers" || arg == "--scale") {
      if (++i == argc) {
        detail::usage_error(argv[0], std::string(arg) + " takes a value");
      }
      if (arg == "--workers") {
        opts.workers = detail::positive_number<unsigned>(argv[0], arg, argv[i]);
      } else {
        opts.scale = detail::positive_number<double>(argv[0], arg, argv[i]);
      }
    } else if (arg.starts_with("-") || !name.empty()) {
      detail::usage_error(argv[0], "cannot make sense of '" + std::string(arg) + "'");
    } else {
      name = arg;
    }
  }
  auto found = std::find_if(entries.begin(), entries.end(), [&](const entry& each) { return each.name == name; });
  if (found == entries.end()) {
    detail::usage_error(argv[0], name.empty() ? "no benchmark named" : "no benchmark '" + std::string(name) + "'");
  }
  return found->run(opts) ? 0 : 1;
}

}  // namespace bench
