#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/detail/plan.hpp>
#include <troupe/pipeline/detail/run_state.hpp>
#include <troupe/pipeline/pipeline.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe::pipeline {

namespace {

task<> watch(std::shared_ptr<detail::run_state> state, std::size_t actor, std::string name, future<exit_reason> end) {
  const auto reason = co_await end;
  state->ended(actor, name, reason);
}

// The actors and exchanges of a run, of the thread that waits for its end.
class wiring {
public:
  wiring(const detail::plan& plan, runtime& rt, std::shared_ptr<detail::run_state> state)
      : plan_(plan), rt_(rt), state_(std::move(state)), late_publishers_(plan.exchanges.size()) {}

  // All but the actors that come after others. What could not be made the state knows.
  void make(const std::vector<tap_options>& taps) {
    if (!make_exchanges() || !make_taps(taps)) return;
    for (const auto index : plan_.sinks_first) {
      const auto& actor = plan_.actors[index];
      if (!actor.after.empty()) {
        late_.push_back(index);
        for (const auto& p : actor.publish) ++late_publishers_[p.exchange];
      } else if (!make_members(index)) {
        return;
      }
    }
    watch_from(0);
    for (std::size_t e = 0; e < exchanges_.size(); ++e)
      if (late_publishers_[e] == 0) exchanges_[e]->release();
  }

  // The actors that come after those that have ended.
  void make_late() {
    const auto due = [&](std::size_t index) {
      const auto& after = plan_.actors[index].after;
      return std::all_of(after.begin(), after.end(), [&](std::size_t first) { return state_->made_way(first); });
    };
    for (std::size_t i = 0; i < late_.size();) {
      const auto index = late_[i];
      if (!due(index)) {
        ++i;
        continue;
      }
      late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
      const auto first = members_.size();
      if (!make_members(index)) return;
      watch_from(first);
      for (const auto& p : plan_.actors[index].publish)
        if (--late_publishers_[p.exchange] == 0) exchanges_[p.exchange]->release();
    }
  }

  // A sentence for each exchange with messages that reached nobody: no alternate either, nor those who come later.
  std::vector<std::string> unroutable() const {
    std::vector<std::string> sentences;
    for (std::size_t i = 0; i < exchanges_.size(); ++i) {
      const auto& e = *exchanges_[i];
      const auto& said = plan_.exchanges[i];
      const auto tell = [&](std::uint64_t n, std::string_view what) {
        if (n != 0)
          sentences.push_back(fmt::format("{} message{} on exchange '{}' {}", n, n == 1 ? "" : "s", e.name(), what));
      };
      if (!said.alternate && !said.settings.options.retention) tell(e.unroutable(), "reached nobody");
      if (!said.dead_letters) tell(e.counts().dead_letters, "became dead letters, and it has no 'dead_letters'");
    }
    return sentences;
  }

  // How the exchanges are left, by name.
  std::vector<exchange_info> infos() const {
    std::vector<exchange_info> all;
    for (const auto& e : exchanges_) all.push_back(e->state().info());
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return all;
  }

private:
  // What exchanges pass on to each other is there before anybody publishes; all of them end after those that do.
  bool make_exchanges() {
    const auto& plans = plan_.exchanges;
    std::size_t at = 0;
    try {
      for (const auto& e : plans) {
        exchanges_.push_back(e.message->make_exchange(rt_, e.name, *e.kind, e.settings));
        ++at;
      }
      for (at = 0; at < plans.size(); ++at) {
        auto& e = *exchanges_[at];
        for (const auto& b : plans[at].attach) passed_on_.push_back(exchanges_[b.from]->pass_on(e, b.key));
        if (plans[at].alternate) e.set_alternate(rt_, plans[at].settings.options);
        for (const auto& to : {plans[at].alternate, plans[at].dead_letters})
          if (to) e.state().publishes_to(exchanges_[*to]->state().shared_from_this());
      }
      return true;
    } catch (const troupe_error& e) {
      // On a runtime that is not fresh there may be one of that name.
      state_->not_wired(plans[at].name, e.what());
      return false;
    }
  }

  // Before anybody publishes.
  bool make_taps(const std::vector<tap_options>& taps) {
    for (const auto& t : taps) {
      try {
        const auto at =
            std::find_if(exchanges_.begin(), exchanges_.end(), [&](const auto& e) { return e->name() == t.exchange; });
        if (at == exchanges_.end()) throw troupe_error(errc::not_found, "there is none of that name to tap");
        taps_.push_back((*at)->make_tap(tap_output::to_file(t.exchange, stderr), t.pattern));
      } catch (const troupe_error& e) {
        state_->not_wired(t.exchange, e.what());
        return false;
      }
    }
    return true;
  }

  bool make_members(std::size_t index) {
    const auto& actor = plan_.actors[index];
    for (std::size_t i = 0; i < actor.count; ++i) {
      const auto name = actor.count == 1 ? actor.name : fmt::format("{}[{}]", actor.name, i);
      try {
        make_member(actor, name, i);
        actor_of_.push_back(index);
      } catch (const std::bad_alloc&) {
        throw;
      } catch (const std::exception& e) {
        state_->not_made(name, e.what());
        return false;
      } catch (...) {
        state_->not_made(name, "its constructor threw something unknown");
        return false;
      }
    }
    return true;
  }

  void make_member(const detail::actor_plan& actor, const std::string& name, std::size_t index) {
    context::description d;
    d.name = name;
    d.index = index;
    d.count = actor.count;
    d.values = actor.values;
    for (const auto& p : actor.publish)
      d.outputs.emplace(p.port, context::port{exchanges_[p.exchange], plan_.exchanges[p.exchange].subscribers});
    d.stop = [state = state_] { state->stop(); };
    members_.push_back(actor.actor_class->spawn(rt_, context(std::move(d))));
    for (const auto& a : actor.attach)
      a.attach(*exchanges_[a.exchange], *members_.back(), detail::member_key(a.key, index), a.with, a.settings);
  }

  void watch_from(std::size_t member) {
    for (; member < members_.size(); ++member)
      (void)rt_.spawn(&watch, state_, actor_of_[member], members_[member]->name(), members_[member]->when_ended());
  }

  const detail::plan& plan_;
  runtime& rt_;
  std::shared_ptr<detail::run_state> state_;
  std::vector<std::shared_ptr<detail::wired_exchange>> exchanges_;
  std::vector<subscription> passed_on_;
  std::vector<std::unique_ptr<detail::member>> members_;
  std::vector<std::size_t> actor_of_;         // of each member
  std::vector<std::size_t> late_;             // actors that are not made yet
  std::vector<std::size_t> late_publishers_;  // of each exchange, which may not end before they are made
  std::vector<tap> taps_;
};

double in_seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

std::string describe(const stuck_actor& stuck) {
  std::string text = fmt::format("actor '{}' did not stop", stuck.name);
  if (!stuck.handler.empty()) text += fmt::format(": it handles {}", stuck.handler);
  if (stuck.since.count() != 0) text += fmt::format(", for {:.2f} s", in_seconds(stuck.since));
  return text;
}

}  // namespace

run_report pipeline::run(runtime& rt, const run_options& options) const {
  std::vector<std::size_t> members;
  for (const auto& actor : plan_->actors) members.push_back(actor.count);
  auto state = std::make_shared<detail::run_state>(rt.scheduler(), std::move(members));
  wiring wires(*plan_, rt, state);
  wires.make(options.taps);
  {
    const std::stop_callback on_stop(options.stop, [&] { state->stop_by_token(); });
    while (!state->over()) {
      if (const auto news = state->wait(); !news) {
        state->stands_still();
      } else if (!state->over()) {
        wires.make_late();
      }
    }
  }
  shutdown_report down;
  if (!state->all_ended()) down = rt.shutdown(options.deadline);
  auto report = state->report();
  for (const auto& stuck : down.stuck) report.stuck.push_back(describe(stuck));
  report.unroutable = wires.unroutable();
  report.exchanges = wires.infos();
  return report;
}

}  // namespace troupe::pipeline
