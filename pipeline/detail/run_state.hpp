#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/actors/exit_reason.hpp>
#include <troupe/pipeline/pipeline.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe::pipeline::detail {

/// What the members of a run tell the thread that waits for its end. Outlives the run for as long as a context does.
class run_state {
public:
  /// `members` will end, of each actor so many.
  run_state(scheduler& home, std::vector<std::size_t> members) : home_(home), left_(std::move(members)) {
    for (const auto n : left_) running_ += n;
    over_ = running_ == 0;
  }

  /// Waits until an actor has ended, all its members, or the run is over; gives an error where neither can happen.
  result<void> wait() {
    std::unique_lock guard(mutex_);
    if (over_ || std::exchange(news_, false)) return {};
    auto told = waiting_.emplace(home_).get_future();
    guard.unlock();
    const auto came = told.get(forever);
    guard.lock();
    news_ = false;
    return came;
  }

  bool over() const {
    const std::lock_guard guard(mutex_);
    return over_;
  }

  /// Whether others may come after an actor: it has ended, and the run goes on. One question, for it may crash at any
  /// time.
  bool made_way(std::size_t actor) const {
    const std::lock_guard guard(mutex_);
    return !over_ && left_[actor] == 0;
  }

  void ended(std::size_t actor, const std::string& name, const result<exit_reason>& reason) {
    const std::lock_guard guard(mutex_);
    --running_;
    if (reason && reason->kind == exit_kind::crashed) {
      add_failure(name, reason->text);
    } else if (reason && reason->kind == exit_kind::killed && !over_) {
      add_failure(name, "it was killed");
    }
    if (--left_[actor] == 0) tell();
    if (running_ == 0) finish();
  }

  /// An actor could not be made. Where the run is over anyway, that is why.
  void not_made(const std::string& name, std::string_view why) {
    const std::lock_guard guard(mutex_);
    if (!over_) add_failure(name, why);
  }

  void stands_still() {
    const std::lock_guard guard(mutex_);
    add_failure("(none)", "the pipeline stands still");
  }

  void not_wired(const std::string& exchange, std::string_view why) {
    const std::lock_guard guard(mutex_);
    failures_.push_back(fmt::format("exchange '{}' failed: {}", exchange, why));
    finish();
  }

  void stop() {
    const std::lock_guard guard(mutex_);
    finish();
  }

  /// Ends the run for the sake of the stop token.
  void stop_by_token() {
    const std::lock_guard guard(mutex_);
    if (over_) return;
    stopped_by_token_ = true;
    finish();
  }

  bool all_ended() const {
    const std::lock_guard guard(mutex_);
    return running_ == 0;
  }

  run_report report() const {
    const std::lock_guard guard(mutex_);
    const auto how = !failures_.empty() ? outcome::failed : stopped_by_token_ ? outcome::stopped : outcome::finished;
    return {how, failures_, {}, {}, {}};
  }

private:
  void add_failure(const std::string& name, std::string_view why) {
    failures_.push_back(fmt::format("actor '{}' failed: {}", name, why));
    finish();
  }

  void finish() {
    if (!std::exchange(over_, true)) tell();
  }

  void tell() {
    news_ = true;
    if (!waiting_) return;
    waiting_->give({});
    waiting_.reset();
  }

  scheduler& home_;
  mutable std::mutex mutex_;
  std::optional<promise<void>> waiting_;  // of the thread in wait()
  bool news_ = false;                     // since it has last looked
  std::vector<std::size_t> left_;         // members of each actor that have not ended
  std::size_t running_ = 0;               // of all of them
  bool over_ = false;
  bool stopped_by_token_ = false;
  std::vector<std::string> failures_;
};

}  // namespace troupe::pipeline::detail
