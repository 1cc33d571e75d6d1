#include <troupe/scheduler/detail/chooser.hpp>

#include <charconv>

#include <fmt/format.h>

#include <troupe/base/splitmix.hpp>

namespace troupe::detail {

chooser::chooser(seeded_schedule schedule, bool record)
    : schedule_(std::move(schedule)), random_state_(schedule_.seed), record_(record) {
  const schedule_strategy& s = schedule_.strategy;
  if (s.how == schedule_strategy::kind::replay) given_ = parse(s.recording);
  if (s.how != schedule_strategy::kind::pct) return;
  if (s.depth == 0 || s.steps == 0)
    throw troupe_error(error(errc::invalid_argument, "pct takes a depth and a number of steps of at least 1"));
  for (unsigned i = 1; i < s.depth; ++i) changes_.push_back(1 + random() % s.steps);
}

std::uint64_t chooser::random() noexcept { return next_splitmix(random_state_); }

namespace {
// First priorities lie above all that change points give. Two are the same once in 2^63; then the older job goes first.
constexpr std::uint64_t above_changes = std::uint64_t{1} << 63;
}  // namespace

void chooser::added(const job& j) {
  if (schedule_.strategy.how == schedule_strategy::kind::pct)
    ranks_.insert_or_assign(&j, rank{random() | above_changes, true});
}

chooser::choice chooser::choose(const std::deque<job*>& runnable) {
  ++steps_;
  choice made{0, 1};
  switch (schedule_.strategy.how) {
    case schedule_strategy::kind::random: made = at_random(runnable.size()); break;
    case schedule_strategy::kind::pct:
      made = steps_ <= schedule_.strategy.steps ? by_priority(runnable) : at_random(runnable.size());
      break;
    case schedule_strategy::kind::replay: made = as_recorded(runnable.size()); break;
  }
  if (record_) remember(made, runnable.size());
  return made;
}

chooser::choice chooser::at_random(std::size_t runnable) noexcept {
  const std::size_t index = random() % runnable;
  return {index, static_cast<unsigned>(1 + random() % 4)};
}

chooser::choice chooser::by_priority(const std::deque<job*>& runnable) {
  for (job* j : runnable) {
    if (!ranks_.contains(j)) ranks_.emplace(j, rank{random() | above_changes, false});
  }
  const auto highest = [&] {
    std::size_t best = 0;
    for (std::size_t i = 1; i != runnable.size(); ++i) {
      if (ranks_.at(runnable[i]).priority > ranks_.at(runnable[best]).priority) best = i;
    }
    return best;
  };
  for (std::size_t i = 0; i != changes_.size(); ++i) {
    if (changes_[i] == steps_) ranks_.at(runnable[highest()]).priority = i + 1;
  }
  const std::size_t index = highest();
  if (!ranks_.at(runnable[index]).strand) ranks_.erase(runnable[index]);
  return {index, 1};
}

chooser::choice chooser::as_recorded(std::size_t runnable) {
  if (at_ == given_.size() || !divergence_.empty()) return {0, 1};
  entry& now = given_[at_];
  if (now.runnable != runnable) {
    divergence_ =
        fmt::format("the run departs from its recording at step {}: {} jobs can run, {} could when it was recorded",
                    steps_, runnable, now.runnable);
    return {0, 1};
  }
  const choice made{now.index, now.budget};
  if (--now.times == 0) ++at_;
  return made;
}

void chooser::remember(choice made, std::size_t runnable) {
  if (!made_.empty()) {
    entry& last = made_.back();
    if (last.index == made.index && last.runnable == runnable && last.budget == made.budget) {
      ++last.times;
      return;
    }
  }
  made_.push_back({made.index, runnable, made.budget, 1});
}

// A choice is `index/runnable`, with `b<budget>` unless that is 1 and `x<times>` unless it was made once; the choices
// are joined by commas: `2/3b4,0/1x12`.
std::string chooser::recording() const {
  std::string text;
  for (const entry& e : made_) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}/{}", e.index, e.runnable);
    if (e.budget != 1) text += fmt::format("b{}", e.budget);
    if (e.times != 1) text += fmt::format("x{}", e.times);
  }
  return text;
}

std::vector<chooser::entry> chooser::parse(std::string_view recording) {
  std::vector<entry> entries;
  const char* at = recording.data();
  const char* const end = at + recording.size();
  const auto expect = [&](bool good) {
    if (!good)
      throw troupe_error(error(errc::invalid_argument, fmt::format("a recording is malformed at character {}: '{}'",
                                                                   at - recording.data(), recording)));
  };
  const auto number = [&](auto& n) {
    const auto [stop, failure] = std::from_chars(at, end, n);
    expect(failure == std::errc{});
    at = stop;
  };
  const auto skip = [&](char c) { return at != end && *at == c && (++at, true); };
  while (at != end) {
    entry e{0, 0, 1, 1};
    number(e.index);
    expect(skip('/'));
    number(e.runnable);
    if (skip('b')) number(e.budget);
    if (skip('x')) number(e.times);
    expect(e.index < e.runnable && e.budget != 0 && e.times != 0);
    entries.push_back(e);
    expect(at == end || (skip(',') && at != end));
  }
  return entries;
}

}  // namespace troupe::detail
