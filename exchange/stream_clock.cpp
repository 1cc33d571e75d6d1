#include <algorithm>

#include <fmt/format.h>

#include <troupe/exchange/detail/stream/clock.hpp>
#include <troupe/exchange/detail/stream/timed_stages.hpp>

namespace troupe::detail {

timed_stage::~timed_stage() {
  if (!clock_) return;
  disarm();
  clock_->entries_[slot_].stage = nullptr;
}

void timed_stage::begin(stream_clock& clock) {
  // The places of groups that began anew serve again; their numbers go on, so that a late message finds nobody.
  auto& all = clock.entries_;
  auto at = std::find_if(all.begin(), all.end(), [](const auto& e) { return !e.stage; });
  if (at == all.end()) at = all.emplace(all.end());
  at->stage = this;
  slot_ = static_cast<std::uint32_t>(at - all.begin());
  clock_ = &clock;
}

std::int64_t timed_stage::now() const { return clock_->self_.get_cell()->core().scheduler().now(); }

void timed_stage::arm(std::chrono::nanoseconds delay) {
  auto& e = clock_->entries_[slot_];
  e.timer.cancel();
  e.timer = clock_->self_.send_later(delay, stream_due{slot_, ++e.number});
}

void timed_stage::disarm() noexcept {
  auto& e = clock_->entries_[slot_];
  e.timer.cancel();
  ++e.number;
}

stream_clock::~stream_clock() {
  for (entry& e : entries_) e.timer.cancel();
}

timed_stage* stream_clock::stage_of(const stream_due& d) noexcept {
  const entry& e = entries_[d.slot];
  return e.number == d.number ? e.stage : nullptr;
}

error nothing_has_come(std::chrono::nanoseconds within) {
  return error(errc::timeout,
               fmt::format("stream: nothing has come within {} s", std::chrono::duration<double>(within).count()));
}

}  // namespace troupe::detail
