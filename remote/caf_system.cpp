#include <troupe/remote/caf.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/actors/core.hpp>
#include <troupe/base/log.hpp>
#include <troupe/remote/detail/caf_pool.hpp>
#include <troupe/scheduler/parker.hpp>

namespace troupe {

using namespace std::chrono_literals;

namespace {

using detail::caf_pool;

/// The systems of one runtime. Any thread.
class caf_systems {
public:
  void add(caf_pool& p) {
    std::lock_guard guard(mutex_);
    pools_.push_back(&p);
  }
  void remove(caf_pool& p) noexcept {
    std::lock_guard guard(mutex_);
    std::erase(pools_, &p);
  }
  void kill_all() {
    std::lock_guard guard(mutex_);
    for (caf_pool* p : pools_) p->kill_all();
  }

private:
  std::mutex mutex_;
  std::vector<caf_pool*> pools_;
};

/// Goes when the runtime has been shut down, just before the workers end: what is alive then is killed, for it would
/// never run again, and CAF would wait for it.
struct caf_systems_end {
  caf_systems_end() = default;
  caf_systems_end(const caf_systems_end&) = delete;
  caf_systems_end& operator=(const caf_systems_end&) = delete;
  ~caf_systems_end() { systems->kill_all(); }
  const std::shared_ptr<caf_systems> systems = std::make_shared<caf_systems>();
};

/// What a system that could not be ended is kept in.
void keep_for_ever(std::shared_ptr<void> what) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<void>>;
  std::lock_guard guard(mutex);
  kept.push_back(std::move(what));
}

}  // namespace

struct caf_system::state {
  /// All that an actor of CAF's can touch.
  struct world {
    std::shared_ptr<void> lease;                       // on the core
    std::unique_ptr<caf::actor_system_config> config;  // null if the user has it
    std::shared_ptr<caf_systems> siblings;
    std::unique_ptr<caf::actor_system> system;
  };

  state(detail::core& k, std::unique_ptr<caf::actor_system_config> own, caf::actor_system_config& config,
        caf_options how);

  detail::core* core;
  scheduler* home;
  caf_options options;
  std::shared_ptr<world> all;
  caf_pool* pool = nullptr;
};

namespace {

/// All actors of a system have ended, but for CAF's own. CAF tells nobody who would not wait for ever: it is looked at
/// now and then, while the system ends.
class actors_ended final : public wait_condition {
public:
  actors_ended(caf::actor_system& system, const scheduler& s, caf_pool* to_kill = nullptr) noexcept
      : registry_(&system.registry()), scheduler_(&s), to_kill_(to_kill) {}
  bool holds() const noexcept override { return registry_->running() == 0; }
  void sleep_until(std::int64_t deadline) noexcept override {
    if (to_kill_) to_kill_->kill_all();  // those too that others have spawned meanwhile
    parker_.park(std::min(deadline, scheduler_->now() + 1'000'000));
  }

private:
  const caf::actor_registry* registry_;
  const scheduler* scheduler_;
  caf_pool* to_kill_;
  parker parker_;
};

}  // namespace

caf_system::state::state(detail::core& k, std::unique_ptr<caf::actor_system_config> own,
                         caf::actor_system_config& config, caf_options how)
    : core(&k), home(&k.scheduler()), options(how), all(std::make_shared<world>()) {
  core->require_up();
  all->lease = core->lease();
  all->config = std::move(own);
  all->siblings = core->service<caf_systems_end>([] { return std::make_shared<caf_systems_end>(); })->systems;
  // The factory is for this system alone: a configuration may serve several.
  auto& factories = config.module_factories;
  const auto at = static_cast<std::ptrdiff_t>(factories.size());
  factories.push_back([this](caf::actor_system& sys) {
    pool = new caf_pool(sys, *home);
    return pool;
  });
  struct taken_back {
    caf::actor_system_config::module_factory_vector& from;
    std::ptrdiff_t at;
    ~taken_back() { from.erase(from.begin() + at); }
  } guard{factories, at};
  all->system = std::make_unique<caf::actor_system>(config);
  all->siblings->add(*pool);
}

caf_system::caf_system(detail::core& k, caf_options options) {
  auto config = std::make_unique<caf::actor_system_config>();
  caf::actor_system_config& there = *config;
  state_ = std::make_unique<state>(k, std::move(config), there, options);
}

caf_system::caf_system(runtime& rt, caf_options options) : caf_system(rt.core(), options) {}

caf_system::caf_system(runtime& rt, caf::actor_system_config& config, caf_options options)
    : state_(std::make_unique<state>(rt.core(), nullptr, config, options)) {}

caf_system::~caf_system() { (void)shutdown(state_->options.shutdown); }

caf::actor_system& caf_system::operator*() const noexcept { return *state_->all->system; }

detail::core& caf_system::core() const noexcept { return *state_->core; }

caf::strong_actor_ptr caf_system::require_own(caf::strong_actor_ptr who) const {
  if (!who) throw troupe_error(errc::invalid_argument, "a handle of CAF's that stands for nobody");
  if (&who->get()->home_system() != state_->all->system.get())
    throw troupe_error(errc::invalid_argument,
                       fmt::format("CAF's actor {}#{} is of another system: use the caf_system that it was spawned in",
                                   static_cast<const caf::monitorable_actor*>(who->get())->name(), who->id()));
  return who;
}

shutdown_report caf_system::shutdown(std::chrono::nanoseconds timeout) {
  shutdown_report report;
  if (!state_->pool) return report;
  scheduler& s = *state_->home;
  caf::actor_system& system = *state_->all->system;
  caf_pool& pool = *state_->pool;
  const std::int64_t start = s.now();
  const std::int64_t deadline = deadline_after(start, timeout);

  actors_ended ended(system, s);
  if (!state_->core->is_down())
    (void)s.wait(ended, timeout == forever ? deadline : deadline_after(start, timeout / 10 * 7));
  if (!ended.holds()) {
    pool.for_each_actor([&](const caf::strong_actor_ptr& a) {
      const auto* actor = static_cast<const caf::monitorable_actor*>(a->get());
      report.stuck.push_back({fmt::format("CAF's {}#{}", actor->name(), a->id()), {}, {}});
    });
    const std::size_t all = system.registry().running();
    if (all > report.stuck.size())
      report.stuck.push_back(
          {fmt::format("{} actors of CAF's on threads of their own", all - report.stuck.size()), {}, {}});
    std::string names;
    for (const stuck_actor& each : report.stuck) names += (names.empty() ? "" : ", ") + each.name;
    log_line(fmt::format("a CAF system ends, and kills who is alive: {}", names));
    pool.kill_all();
    actors_ended killed(system, s, &pool);
    (void)s.wait(killed, deadline);
  }
  const bool ended_all = ended.holds();
  // What ends on the way to the deadline is worth a moment more.
  const bool over = ended_all && pool.await_loggers(std::max(deadline, deadline_after(s.now(), 100ms)));
  if (ended_all && !over)
    report.stuck.push_back({"a thread that has spawned actors of CAF's and goes on: end it before the system", {}, {}});
  state_->all->siblings->remove(pool);
  state_->pool = nullptr;
  if (over) {
    state_->all->system.reset();
    state_->all.reset();
  } else {
    log_line(ended_all ? "a CAF system cannot be ended, for " + report.stuck.back().name + "; it is left to itself"
                       : "a CAF system cannot be ended: what is alive of it is left to itself");
    keep_for_ever(std::move(state_->all));
  }
  return report;
}

namespace {

/// The one that a runtime has. Goes with its services, when all is over: who is alive then has been forgotten.
struct shared_caf_system {
  std::once_flag made;
  std::unique_ptr<caf_system> system;
};

}  // namespace

caf::actor_system& detail::caf_system_of(core& k) {
  const auto shared = k.service<shared_caf_system>([] { return std::make_shared<shared_caf_system>(); });
  std::call_once(shared->made, [&] { shared->system.reset(new caf_system(k, {.shutdown = std::chrono::seconds(1)})); });
  return **shared->system;
}

}  // namespace troupe
