#include <troupe/scheduler/detail/crew.hpp>

#include <exception>

#include <fmt/format.h>

#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/parker.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

namespace {

constexpr unsigned search_rounds = 48;  // with a pause of 50 to 100 ns each: well below 20 us (C7)
constexpr unsigned clock_interval = 8;  // jobs between two looks at the clock

// The crew whose job runs on the calling thread.
constinit thread_local const crew* this_crew = nullptr;

}  // namespace

/// One of those who run jobs: a thread, or a job of the scheduler.
class crew::lane final : public job, public list_hook<> {
public:
  lane(crew& c, unsigned number) : crew_(c), number_(number) {}

  void run() noexcept override;
  void abandoned() noexcept override { const auto last = std::move(keep_); }
  void live() noexcept;

private:
  friend class crew;

  bool initialize() noexcept;
  bool await_job() noexcept;

  crew& crew_;
  const unsigned number_;
  bool searching_ = false;      // counted among the searchers; under guard_
  bool has_thread_ = false;     // which runs, or waits in await_job; under guard_
  bool fresh_ = false;          // whoever has claimed it starts the thread
  bool initialized_ = false;    // its own
  std::shared_ptr<crew> keep_;  // while it is an active job of the scheduler
  parker parker_;
  native_thread thread_;  // under threads_
};

std::shared_ptr<crew> crew::start(scheduler& home, crew_options options) {
  auto made = std::make_shared<crew>(home, std::move(options));
  if (!home.roster()->enlist(made))
    throw troupe_error(errc::shutdown, "the runtime has been shut down: " + made->options_.what + " cannot be made");
  return made;
}

crew::crew(scheduler& home, crew_options options) : home_(home), roster_(home.roster()), options_(std::move(options)) {
  lanes_.reserve(options_.lanes);
  for (unsigned i = 0; i != options_.lanes; ++i) {
    lanes_.push_back(std::make_unique<lane>(*this, i));
    idle_.push_back(*lanes_.back());
  }
}

crew::~crew() {
  while (lane* l = idle_.pop_front()) static_cast<void>(l);
}

bool crew::runs_caller() const noexcept { return this_crew == this; }

// --- jobs ----------------------------------------------------------------------------------------------------------

void crew::add(crew_job& j) {
  lane* woken = nullptr;
  bool refused = false;
  {
    std::lock_guard lock(guard_);
    refused = closed_;
    if (!refused) {
      incoming_.push(j);
      if (searching_ == 0 && !idle_.empty()) woken = &claim();
    }
  }
  if (refused) throw troupe_error(*reason_);
  if (woken) wake(*woken);
}

/// Makes an idle lane active, and a searcher (CW3); the caller wakes it. Under guard_.
crew::lane& crew::claim() noexcept {
  lane& l = *idle_.pop_front();
  if (active_++ == 0 && options_.threads) roster_->helpers().begin();
  ++searching_;
  l.searching_ = true;
  l.fresh_ = !std::exchange(l.has_thread_, options_.threads);
  if (!options_.threads) l.keep_ = shared_from_this();
  return l;
}

/// The lane has found a job. Under both locks.
crew::lane* crew::pass_search_on(lane& self) noexcept {
  self.searching_ = false;
  const bool more = --searching_ == 0 && !(ready_.empty() && incoming_.empty());
  return more && !idle_.empty() ? &claim() : nullptr;
}

/// There is no job. Under both locks.
void crew::go_idle(lane& self, std::shared_ptr<crew>& last) noexcept {
  if (std::exchange(self.searching_, false)) --searching_;
  if (--active_ == 0 && options_.threads) roster_->helpers().rest();
  last = std::move(self.keep_);
  if (closed_) self.has_thread_ = false;
  if (self.has_thread_)
    idle_.push_front(self);
  else
    idle_.push_back(self);
}

/// The next job; null once the lane is idle: others may wake it at any moment. Then `last` holds the crew.
crew_job* crew::next(lane& self, bool patient, std::shared_ptr<crew>& last) noexcept {
  for (unsigned round = 0;; ++round) {
    const bool last_look = !patient || round == search_rounds;
    if (round == 0 || last_look || !ready_.empty() || !incoming_.empty()) {
      wake_list ended;
      lane* woken = nullptr;
      crew_job* j = nullptr;
      {
        std::lock_guard taking(ready_guard_);
        j = ready_.pop();
        if (!j || self.searching_) {
          std::lock_guard lock(guard_);
          if (!j) {
            ready_.take_all(incoming_);
            j = ready_.pop();
          }
          if (j) {
            if (self.searching_) woken = pass_search_on(self);
          } else if (last_look || closed_) {
            go_idle(self, last);
            if (over()) line_.grant_all(ended);
            return nullptr;
          } else if (!std::exchange(self.searching_, true)) {
            ++searching_;
          }
        }
      }
      if (woken) wake(*woken);
      if (j) return j;
    }
    for (unsigned i = 0; i != 4; ++i) cpu_relax();
  }
}

/// Refuses what has not begun.
void crew::refuse_all(const error& why) noexcept {
  crew_jobs left;
  {
    std::lock_guard taking(ready_guard_);
    std::lock_guard lock(guard_);
    left.take_all(ready_);
    left.take_all(incoming_);
  }
  while (crew_job* j = left.pop()) j->refuse(why);
}

// --- lanes ---------------------------------------------------------------------------------------------------------

void crew::wake(lane& l) noexcept {
  if (!options_.threads) return home_.schedule(l);
  if (!l.fresh_) return l.parker_.unpark();
  try {
    start_thread(l);
  } catch (const std::exception& e) {
    not_started(l, e.what());
  }
}

void crew::start_thread(lane& l) {
  auto entry = thread_roster::add(roster_, options_.prefix + std::to_string(l.number_), options_.role);
  std::lock_guard lock(threads_);
  l.thread_.join_until(timers::never);  // the lane's last thread, which is at its end
  l.thread_.start(std::move(entry), [keep = shared_from_this(), &l] { l.live(); });
}

void crew::not_started(lane& l, const char* why) noexcept {
  wake_list ended;
  bool nobody = false;
  {
    std::lock_guard lock(guard_);
    l.has_thread_ = l.searching_ = false;
    --searching_;
    nobody = --active_ == 0;
    if (nobody) roster_->helpers().rest();
    idle_.push_back(l);
    if (over()) line_.grant_all(ended);
  }
  // Those who are active come to what is queued; without them nobody would.
  if (nobody) refuse_all(error(errc::io, fmt::format("no thread for {}: {}", options_.what, why)));
}

bool crew::lane::initialize() noexcept {
  if (!crew_.options_.initializer) return true;
  try {
    crew_.options_.initializer();
    return true;
  } catch (...) {
    const error broken(errc::crashed,
                       fmt::format("the initializer of {} threw: {}", crew_.options_.what, current_exception_text()));
    crew_.shut(broken, &broken);
    return false;
  }
}

/// A slice, as a job of the scheduler.
void crew::lane::run() noexcept {
  crew& c = crew_;
  worker& w = *current_worker();
  w.show(this, "a job of an executor");
  const crew* const outer = std::exchange(this_crew, &c);
  if (!std::exchange(initialized_, true)) initialize();
  std::shared_ptr<crew> last;
  std::int64_t begun = 0;
  unsigned done = 0;
  while (crew_job* j = c.next(*this, w.may_stay(), last)) {
    j->run();
    ++done;
    if (done < w.budget() && done % clock_interval != 0) continue;
    if (w.may_stay() || (done < w.budget() && w.extend_slice(begun))) continue;
    c.home_.reschedule(*this);
    break;
  }
  this_crew = outer;
}

/// The life of a thread.
void crew::lane::live() noexcept {
  this_crew = &crew_;
  std::shared_ptr<crew> last;
  initialize();
  do {
    while (crew_job* j = crew_.next(*this, true, last)) j->run();
  } while (await_job());
}

/// Of an idle thread: false if it is to end.
bool crew::lane::await_job() noexcept {
  {
    std::lock_guard lock(crew_.guard_);
    if (!has_thread_) return false;
  }
  if (parker_.park(deadline_after(steady_now(), crew_.options_.keep))) return true;
  {
    std::lock_guard lock(crew_.guard_);
    if (list_hook<>::linked()) {
      list_hook<>::unlink();
      crew_.idle_.push_back(*this);
      return has_thread_ = false;
    }
  }
  parker_.park();  // claimed at the last moment
  return true;
}

// --- the end -------------------------------------------------------------------------------------------------------

void crew::shut(const error& why, const error* pending) noexcept {
  {
    std::lock_guard lock(guard_);
    if (!closed_) reason_ = why;
    closed_ = true;
  }
  if (pending) refuse_all(*pending);
  // Idle threads have to see it; of jobs of the scheduler, and of lanes without a thread, nothing is left to end.
  for (;;) {
    wake_list ended;
    lane* woken = nullptr;
    {
      std::lock_guard taking(ready_guard_);
      std::lock_guard lock(guard_);
      if (over()) line_.grant_all(ended);
      if (!idle_.empty() && idle_.front().has_thread_) woken = &claim();
    }
    if (!woken) return;
    wake(*woken);
  }
}

void crew::close(bool cancel) noexcept {
  const error pending(errc::cancelled, options_.what + " was shut down with cancel_pending before this job had begun");
  shut(error(errc::shutdown, options_.what + " has been shut down: it takes no more jobs"),
       cancel ? &pending : nullptr);
}

void crew::join() {
  std::lock_guard lock(threads_);
  for (const auto& l : lanes_) l->thread_.join_until(timers::never);
}

bool crew::idle() const noexcept {
  std::lock_guard lock(guard_);
  return active_ == 0 && incoming_.empty() && ready_.empty();
}

void crew::end(std::int64_t deadline, std::vector<std::string>& stuck) noexcept {
  const error why(errc::shutdown, "the runtime of " + options_.what + " has been shut down");
  shut(why, &why);
  auto all = ended(std::chrono::nanoseconds(deadline == timers::never ? forever.count() : deadline - home_.now()));
  (void)all.get();
  {
    std::lock_guard lock(threads_);
    for (const auto& l : lanes_) {
      if (l->thread_.join_until(deadline)) continue;
      stuck.push_back(l->thread_.name());
      l->thread_.detach();
    }
  }
  wake_list given_up;
  std::lock_guard lock(guard_);
  abandoned_ = true;
  line_.grant_all(given_up);
}

}  // namespace troupe::detail
