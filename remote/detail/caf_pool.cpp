#include <troupe/remote/detail/caf_pool.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

#include <caf/all.hpp>

#include <troupe/base/log.hpp>
#include <troupe/remote/detail/caf_printer.hpp>
#include <troupe/scheduler/parker.hpp>

namespace troupe::detail {

namespace {

constexpr std::int64_t moment = 1'000'000;        // between looks, while a system ends
constexpr std::int64_t patience = 1'000'000'000;  // for what CAF's own actors have left to do

/// Nothing of a system runs any more. Nobody tells of that: it is looked at now and then, at the end of a system only.
class pool_rests final : public wait_condition {
public:
  pool_rests(const caf_pool& p, const scheduler& s) noexcept : pool_(&p), scheduler_(&s) {}
  bool holds() const noexcept override { return pool_->at_rest(); }
  void sleep_until(std::int64_t deadline) noexcept override {
    parker_.park(std::min(deadline, scheduler_->now() + moment));
  }

private:
  const caf_pool* pool_;
  const scheduler* scheduler_;
  parker parker_;
};

}  // namespace

caf_pool::caf_pool(caf::actor_system& system, troupe::scheduler& s)
    : abstract_coordinator(system), home_(&s), clock_(s), places_(s.capacity() + 1) {
  units_.reserve(places_.size());
  for (std::size_t i = 0; i != places_.size(); ++i) units_.emplace_back(*this);
  num_workers_ = s.size();
}

caf_pool::~caf_pool() { clock_.stop(); }

void caf_pool::start() { utility_actors_[printer_id] = spawn_caf_printer(system()); }

void caf_pool::stop() {
  // The last actors are counted as ended before they have said their last words to the printer.
  const bool rested = await_rest();
  caf::anon_send_exit(utility_actors_[printer_id], caf::exit_reason::user_shutdown);
  if (rested) (void)await_rest();
  stopping_.store(true, relaxed);
  pool_rests rest(*this, *home_);
  (void)home_->wait(rest, timers::never);
  clock_.stop();
  clock_.cancel_all();
}

/// False if something still runs after a while: what is never done.
bool caf_pool::await_rest() {
  pool_rests rest(*this, *home_);
  const std::int64_t deadline = deadline_after(home_->now(), std::chrono::nanoseconds(patience));
  return home_->wait(rest, deadline) == troupe::scheduler::waited::held;
}

// --- running -------------------------------------------------------------------------------------------------------

std::size_t caf_pool::index_here() const noexcept {
  const worker* w = current_worker();
  return w && &w->owner() == home_ ? w->index() : places_.size() - 1;
}

void caf_pool::count_here(atomic<std::uint64_t> place::*which) noexcept {
  const std::size_t i = index_here();
  atomic<std::uint64_t>& counter = places_[i].*which;
  if (i + 1 != places_.size())
    counter.store(counter.load(relaxed) + 1, release);
  else
    counter.fetch_add(1, acq_rel);
}

bool caf_pool::at_rest() const noexcept {
  std::uint64_t ended = 0, begun = 0;
  for (const place& p : places_) ended += p.ended.load(acquire);
  for (const place& p : places_) begun += p.begun.load(acquire);
  return ended == begun;
}

void caf_pool::submit(caf::resumable& what) noexcept {
  count_here(&place::begun);
  home_->schedule(*new resume_job(*this, what));  // ends the program where there is no memory, as a queue does
}

void caf_pool::run(resume_job& j) noexcept {
  worker& here = *current_worker();
  caf::resumable& what = *j.what;
  const caf_logger_guard guard;
  here.show(&what, "a message of CAF's");
  const std::size_t i = index_here();
  try {
    if (stopping_.load(relaxed)) [[unlikely]] {
      end_by_force(what);
      return finish(j);
    }
    list_if_new(what, places_[i]);
    const std::size_t budget = std::min<std::size_t>(here.budget(), max_throughput_);
    std::int64_t begun = 0;
    while (what.resume(&units_[i], budget) == caf::resumable::resume_later)
      if (!here.extend_slice(begun)) return home_->reschedule(j);
  } catch (const std::exception& e) {
    log_line("an actor of CAF's let an exception through, and is not run any more: " + std::string(e.what()));
  } catch (...) {
    log_line("an actor of CAF's let an exception through, and is not run any more");
  }
  finish(j);
}

void caf_pool::finish(resume_job& j) noexcept {
  caf::intrusive_ptr_release(j.what);
  delete &j;
  count_here(&place::ended);
}

// --- loggers -------------------------------------------------------------------------------------------------------

namespace {

/// Lets go of the logger on as many workers as it gets hold of: each of those jobs waits a moment for the others, so
/// that they are not all run by one worker.
struct forget_round {
  explicit forget_round(unsigned n) noexcept : left(n), to_come(n) {}
  atomic<unsigned> left;     // jobs that are there: n -> 0; release, with the acquire of who begins another round
  atomic<unsigned> to_come;  // jobs that have not begun: n -> 0, guards nothing
};

class forget_job final : public job, public pooled {
public:
  explicit forget_job(std::shared_ptr<forget_round> r) noexcept : round_(std::move(r)) {}
  void run() noexcept override {
    const caf_logger_guard guard;
    round_->to_come.fetch_sub(1, relaxed);
    const std::int64_t until = steady_now() + 5 * moment;
    while (round_->to_come.load(relaxed) != 0 && steady_now() < until) yield_thread();
    abandoned();
  }
  void abandoned() noexcept override {
    round_->left.fetch_sub(1, release);
    delete this;
  }

private:
  std::shared_ptr<forget_round> round_;
};

class loggers_forgotten final : public wait_condition {
public:
  loggers_forgotten(caf::actor_system& system, scheduler& s) noexcept
      : logger_(&system.logger()),
        scheduler_(&s),
        expected_(caf::logger::current_logger() == logger_ ? 2 : 1),
        round_(std::make_shared<forget_round>(0)) {}

  bool holds() const noexcept override { return logger_->get_reference_count() <= expected_; }
  void sleep_until(std::int64_t deadline) noexcept override {
    if (round_->left.load(acquire) == 0) {
      round_ = std::make_shared<forget_round>(scheduler_->size());
      for (unsigned i = 0; i != scheduler_->size(); ++i) scheduler_->schedule(*new forget_job(round_));
    }
    parker_.park(std::min(deadline, scheduler_->now() + moment));
  }

private:
  const caf::logger* logger_;
  scheduler* scheduler_;
  std::size_t expected_;  // references: the system's, and that of the thread that ends it
  std::shared_ptr<forget_round> round_;
  parker parker_;
};

}  // namespace

bool caf_pool::await_loggers(std::int64_t deadline) {
  loggers_forgotten forgotten(system(), *home_);
  return forgotten.holds() || home_->wait(forgotten, deadline) == troupe::scheduler::waited::held;
}

// --- ends ----------------------------------------------------------------------------------------------------------

/// It will not be run any more: it ends where it stands.
void caf_pool::end_by_force(caf::resumable& what) noexcept {
  if (what.subtype() != caf::resumable::scheduled_actor) return;
  static_cast<caf::scheduled_actor&>(what).cleanup(make_error(caf::exit_reason::user_shutdown), &units_.back());
}

/// The scheduler has ended. The end of one actor wakes others, which are abandoned in turn: one after the other, or a
/// long chain of links would need as much of the stack.
void caf_pool::abandon(resume_job& j) noexcept {
  {
    std::lock_guard guard(abandoned_lock_);
    abandoned_.push_back(&j);
    if (std::exchange(abandoning_, true)) return;
  }
  for (;;) {
    resume_job* next = nullptr;
    {
      std::lock_guard guard(abandoned_lock_);
      if (abandoned_.empty()) {
        abandoning_ = false;
        return;
      }
      next = abandoned_.back();
      abandoned_.pop_back();
    }
    end_by_force(*next->what);
    finish(*next);
  }
}

caf_pool::listed::listed(place& p, caf::abstract_actor& a) noexcept : who(a), place_(p) {
  std::lock_guard guard(place_.lock);
  place_.actors.push_back(*this);
}

void caf_pool::listed::leave() noexcept {
  std::lock_guard guard(place_.lock);
  if (linked()) unlink();
}

void caf_pool::list_if_new(caf::resumable& what, place& here) {
  if (what.subtype() != caf::resumable::scheduled_actor) return;
  auto& actor = static_cast<caf::scheduled_actor&>(what);
  constexpr int known = caf::abstract_actor::is_initialized_flag | caf::abstract_channel::is_hidden_flag;
  if (!actor.getf(known)) actor.attach(caf::attachable_ptr(new listed(here, actor)));
}

std::vector<caf::strong_actor_ptr> caf_pool::actors_at(place& p) {
  std::vector<caf::strong_actor_ptr> found;
  std::lock_guard guard(p.lock);
  for (listed& l : p.actors)
    if (caf::intrusive_ptr_upgrade_weak(l.who.ctrl())) found.emplace_back(l.who.ctrl(), false);
  return found;
}

void caf_pool::kill_all() {
  for_each_actor([](const caf::strong_actor_ptr& a) {
    caf::anon_send_exit(caf::actor_cast<caf::actor>(a), caf::exit_reason::kill);
  });
}

}  // namespace troupe::detail
