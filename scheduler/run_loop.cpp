#include <troupe/scheduler/run_loop.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/base/error.hpp>
#include <troupe/base/log.hpp>
#include <troupe/scheduler/live_tasks.hpp>
#include <troupe/scheduler/strand.hpp>

namespace troupe {

namespace {
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t slice_cost = 1'000;       // of virtual time
constexpr std::int64_t look_again = 10'000'000;  // how often a thread that waits checks whether it may drive
// Which thread has made which loops, the newest last. Looked at only by threads that are about to block.
std::mutex loops_mutex;
std::vector<std::pair<std::thread::id, run_loop*>> loops;

}  // namespace

scheduler* detail::driven_by_this_thread() {
  std::lock_guard guard(loops_mutex);
  const auto i = std::find_if(loops.rbegin(), loops.rend(),
                              [me = std::this_thread::get_id()](const auto& l) { return l.first == me; });
  return i == loops.rend() ? nullptr : i->second;
}

class run_loop::driving {
public:
  explicit driving(run_loop& loop) : loop_(loop) {
    loop.require_owner();
    // A job that waits would wait for itself; on the thread of a single actor nothing but that actor runs.
    if (worker* here = current_worker(); here && &here->owner().base() == &loop) return;
    entered_ = !loop.driven_.exchange(true, acquire);
    if (entered_) outer_ = std::exchange(detail::this_worker, &loop.self_);
  }
  ~driving() {
    if (!entered_) return;
    detail::this_worker = outer_;
    loop_.driven_.store(false, release);
  }
  driving(const driving&) = delete;
  driving& operator=(const driving&) = delete;

  bool entered() const noexcept { return entered_; }

private:
  run_loop& loop_;
  worker* outer_ = nullptr;
  bool entered_ = false;
};

run_loop::run_loop(run_loop_options options)
    : virtual_now_(second), owner_(std::this_thread::get_id()), self_(*this, 0, "loop", false) {
  self_.set_budget(1);
  strands().keep_order();  // C12: whoever is visited first must not depend on addresses
  if (options.seed) {
    chooser_.emplace(seeded_schedule{*options.seed, std::move(options.strategy)}, options.record);
    strands().watch(*this);
  }
  // Last: a loop whose options are refused has no destructor that would take it out again.
  std::lock_guard guard(loops_mutex);
  loops.emplace_back(owner_, this);
}

run_loop::~run_loop() {
  run_loop::stop(deterministic() ? now() : now() + 10 * second);
  std::lock_guard guard(loops_mutex);
  std::erase_if(loops, [this](const auto& l) { return l.second == this; });
}

bool run_loop::stop(std::int64_t deadline) {
  const bool others_ended = roster()->end(deadline).empty();
  timers_.drop_all();
  for (std::deque<job*> left;; left.clear()) {
    {
      std::lock_guard guard(mutex_);
      left.swap(runnable_);
      ended_ = left.empty();
    }
    if (left.empty()) break;
    for (job* j : left) j->abandoned();  // may make others runnable
  }
  report_dropped_calls();
  return others_ended;
}

std::int64_t run_loop::now() const noexcept { return deterministic() ? virtual_now_.load(relaxed) : steady_now(); }

void run_loop::record(std::uint64_t event) noexcept {
  trace_ = (trace_ ^ event) * 0x100000001b3 ^ trace_ >> 47;  // after FNV-1a, by words
}

void run_loop::require_owner() const noexcept {
  if (!deterministic() || std::this_thread::get_id() == owner_) return;
  std::fprintf(stderr,
               "troupe: a foreign thread used a deterministic runtime: only the thread that made it may [seed %s]\n",
               schedule().text().c_str());
  std::abort();
}

void run_loop::strand_added(const strand& s) noexcept {
  notes_.insert_or_assign(&s, strand_notes{++strands_made_});
  chooser_->added(s);
}

void run_loop::strand_removed(const strand& s) noexcept {
  notes_.erase(&s);
  chooser_->removed(s);
}

void run_loop::inject(job& j) noexcept {
  require_owner();
  if (deterministic() && running_ != &j) {
    const auto waker = notes_.find(running_);
    const auto woken = notes_.find(&j);
    if (waker != notes_.end() && woken != notes_.end()) waker->second.last_woken = woken->second.number;
  }
  {
    std::unique_lock lock(mutex_);
    if (ended_) {
      lock.unlock();
      return j.abandoned();
    }
    runnable_.push_back(&j);
  }
  if (current_worker() != &self_) parker_.unpark();
}

void run_loop::arm(timer& t, std::int64_t deadline) {
  if (timers_.arm(t, deadline) && current_worker() != &self_) parker_.unpark();
}

job* run_loop::take() noexcept {
  std::lock_guard guard(mutex_);
  if (runnable_.empty()) return nullptr;
  std::size_t chosen = 0;
  if (deterministic()) {
    const bool followed = divergence().empty();
    const detail::chooser::choice made = chooser_->choose(runnable_);
    if (followed && !divergence().empty()) log_line(divergence());
    chosen = made.index;
    self_.set_budget(made.budget);
    record(chosen << 32 | runnable_.size());
  }
  job* j = runnable_[chosen];
  runnable_.erase(runnable_.begin() + static_cast<std::ptrdiff_t>(chosen));
  return j;
}

void run_loop::run_slice(job& j) noexcept {
  bump(self_.slices_);
  self_.running_.store(true, relaxed);
  if (deterministic()) running_ = &j;
  j.run();
  self_.running_.store(false, relaxed);
  if (!deterministic()) return;
  if (const auto notes = notes_.find(std::exchange(running_, nullptr)); notes != notes_.end())
    notes->second.doing = self_.detail_.load(relaxed);
  // Virtual time must not stand still for ever while something always has work, or no deadline would ever come.
  virtual_now_.store(now() + slice_cost, relaxed);
}

/// Nothing can run: goes on to the next timer, virtually or by sleeping until it, an injected job or the deadline.
/// False if nothing will ever happen by itself.
bool run_loop::advance_time(std::int64_t deadline) {
  const std::int64_t next = timers_.next();
  if (deterministic()) {
    if (next == timers::never) return false;
    if (next > deadline) {
      virtual_now_.store(std::max(now(), deadline), relaxed);
      return false;
    }
    virtual_now_.store(std::max(now(), next), relaxed);
  } else {
    parker_.park(std::min(next, deadline));
  }
  timers_.fire_due(now());
  return true;
}

scheduler::waited run_loop::wait(wait_condition& condition, std::int64_t deadline) {
  const auto over = [&](waited otherwise) { return condition.holds() ? waited::held : otherwise; };
  while (!condition.holds()) {
    if (now() >= deadline || exhausted()) return over(waited::timeout);
    driving here(*this);
    if (!here.entered()) {
      if (current_worker() == &self_) return over(waited::refused);
      condition.sleep_until(std::min(deadline, now() + look_again));  // another thread drives
    } else if (job* j = take()) {
      run_slice(*j);
      if (timers_.next() <= now()) timers_.fire_due(now());
    } else if (deterministic()) {
      if (advance_time(deadline)) continue;
      if (!condition.holds() && timers_.empty()) note_stall(deadline);
      return over(deadline == timers::never ? waited::stuck : waited::timeout);
    } else {
      advance_time(std::min(deadline, now() + look_again));  // the condition may be brought about from outside
    }
  }
  return waited::held;
}

bool run_loop::wait_quiescent(std::int64_t deadline, std::int64_t horizon) {
  driving here(*this);
  if (!here.entered()) return false;
  for (;;) {
    if (exhausted()) return false;
    if (job* j = take()) {
      run_slice(*j);
      if (timers_.next() <= now()) timers_.fire_due(now());
      if (now() >= deadline) return false;
    } else if (timers_.none_awaited(horizon)) {
      return true;
    } else if (now() >= deadline || !advance_time(deadline)) {
      return false;
    }
  }
}

void run_loop::run_forever() {
  driving here(*this);
  if (!here.entered())
    throw troupe_error(errc::invalid_argument, "run_forever() by a job of the loop, or while another thread drives it");
  while (!stop_asked_.exchange(false, acquire) && !exhausted()) {
    if (job* j = take()) {
      run_slice(*j);
      if (timers_.next() <= now()) timers_.fire_due(now());
    } else if (!advance_time(timers::never)) {
      return;
    }
  }
}

void run_loop::stop() noexcept {
  stop_asked_.store(true, release);
  parker_.unpark();
}

void run_loop::note_stall(std::int64_t deadline) {
  if (!stall_.empty() && (deadlocked_ || deadline != timers::never)) return;
  stall_ = who_waits();
  deadlocked_ = deadline == timers::never;
  if (deadlocked_) log_line("deadlock: a thread waits without a deadline, and nothing can run or is due\n" + stall_);
}

std::string run_loop::who_waits() {
  std::unordered_map<std::uint64_t, std::string> names;
  strands().for_each([&](strand& s) { names.emplace(notes_.at(&s).number, s.describe()); });
  std::map<std::uint64_t, std::string> lines;  // in the order of making
  std::size_t idle = 0;
  strands().for_each([&](strand& s) {
    if (!s.waits()) {
      ++idle;
      return;
    }
    const strand_notes& notes = notes_.at(&s);
    std::string& line = lines[notes.number];
    line = "  " + names.at(notes.number);
    if (notes.doing && s.describe().find(notes.doing) == std::string::npos)
      line += fmt::format(", in {},", notes.doing);
    line += " waits for " + detail::wait_text(*s.present_wait());
    if (const auto woken = names.find(notes.last_woken); woken != names.end())
      line += fmt::format("; the last that it woke is {}", woken->second);
  });
  std::string text;
  for (const auto& [number, line] : lines) text += text.empty() ? line : "\n" + line;
  if (text.empty()) return fmt::format("  no actor or green thread waits for a result; {} live", idle);
  return idle == 0 ? text : text + fmt::format("\n  {} more have nothing to do", idle);
}

std::string run_loop::label(const strand& s) const {
  const auto notes = notes_.find(&s);
  return notes == notes_.end() ? scheduler::label(s) : std::to_string(notes->second.number);
}

std::vector<worker_info> run_loop::inspect_workers() const { return {self_.inspect()}; }

}  // namespace troupe
