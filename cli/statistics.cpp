#include <troupe/cli/statistics.hpp>

#include <pthread.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include <troupe/cli/report.hpp>

namespace troupe::cli {

result<std::optional<pipeline::output>> open_lines(const statistics_arguments& arguments) {
  std::optional<pipeline::output> lines;
  if (!arguments.lines) return {std::move(lines)};
  auto made = pipeline::output::create(*arguments.lines);
  if (!made) return made.error();
  lines.emplace(std::move(*made));
  return {std::move(lines)};
}

statistics_printer::statistics_printer(runtime& rt, const statistics_arguments& arguments,
                                       std::optional<pipeline::output> lines)
    : rt_(rt), arguments_(arguments), lines_(std::move(lines)) {
  if (arguments_.wanted()) thread_ = std::thread([this] { live(); });
}

statistics_printer::~statistics_printer() { stop(); }

void statistics_printer::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopped_ = true;
  }
  over_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void statistics_printer::live() {
  ::pthread_setname_np(::pthread_self(), "stats");
  runtime_statistics before;
  std::vector<exchange_info> exchanges_before;
  auto next = std::chrono::steady_clock::now();
  for (std::unique_lock lock(mutex_);;) {
    next += arguments_.interval;
    if (over_.wait_until(lock, next, [this] { return stopped_; })) return;
    lock.unlock();
    auto now = rt_.statistics();
    auto exchanges_now = exchanges(rt_);
    tell(now, now.since(before), exchanges_now, exchanges_before);
    before = std::move(now);
    exchanges_before = std::move(exchanges_now);
    lock.lock();
  }
}

bool statistics_printer::finish(const std::vector<exchange_info>& exchanges) {
  stop();
  if (!arguments_.wanted()) return true;
  // What actors have handled is added up at the end of their turn, which may come a little after their own.
  if (rt_.counts().queued() != 0) (void)rt_.wait_idle(std::chrono::milliseconds(200));
  const auto run = rt_.statistics();
  tell(run, run, exchanges, {});
  if (!lines_ || failed_) return !failed_;
  const auto written = lines_->finish();
  if (!written) complain(written.error().message());
  return static_cast<bool>(written);
}

void statistics_printer::tell(const runtime_statistics& run, const runtime_statistics& interval,
                              const std::vector<exchange_info>& exchanges,
                              const std::vector<exchange_info>& exchanges_before) {
  if (arguments_.table) {
    std::string text = "troupe: " + to_table(run, interval);
    if (!exchanges.empty()) text += to_table(exchanges, exchanges_before, interval.span);
    std::fwrite(text.data(), 1, text.size(), stderr);  // in one piece, or complaints would come in between
  }
  if (!lines_ || failed_) return;
  std::string line = to_json(run, interval);
  line.insert(line.size() - 1, ",\"exchanges\":" + to_json(exchanges, exchanges_before, interval.span));
  auto written = lines_->write(line + "\n");
  if (written) written = lines_->flush();
  if (written) return;
  complain(written.error().message());
  failed_ = true;
}

}  // namespace troupe::cli
