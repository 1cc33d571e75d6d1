#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/detail/plan.hpp>
#include <troupe/pipeline/pipeline.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe::pipeline {

namespace {

// What the members of a run tell the thread that waits for its end. Outlives the run for as long as a context does.
class run_state {
public:
  explicit run_state(scheduler& home) : over_promise_(home) {}

  future<void> when_over() { return over_promise_.get_future(); }

  // `count` members will end.
  void expect(std::size_t count) {
    const std::lock_guard guard(mutex_);
    running_ = count;
    if (running_ == 0) finish();
  }

  void ended(const std::string& name, const result<exit_reason>& reason) {
    const std::lock_guard guard(mutex_);
    --running_;
    if (reason && reason->kind == exit_kind::crashed) {
      add_failure(name, reason->text);
    } else if (reason && reason->kind == exit_kind::killed && !over_) {
      add_failure(name, "it was killed");
    }
    if (running_ == 0) finish();
  }

  void failed(const std::string& name, std::string_view why) {
    const std::lock_guard guard(mutex_);
    add_failure(name, why);
  }

  void stop() {
    const std::lock_guard guard(mutex_);
    finish();
  }

  // Ends the run for the sake of the stop token.
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
    return {how, failures_, {}, {}};
  }

private:
  void add_failure(const std::string& name, std::string_view why) {
    failures_.push_back(fmt::format("actor '{}' failed: {}", name, why));
    finish();
  }

  void finish() {
    if (!std::exchange(over_, true)) over_promise_.give({});
  }

  mutable std::mutex mutex_;
  promise<void> over_promise_;
  std::size_t running_ = 0;
  bool over_ = false;
  bool stopped_by_token_ = false;
  std::vector<std::string> failures_;
};

task<> watch(std::shared_ptr<run_state> state, std::string name, future<exit_reason> end) {
  const auto reason = co_await end;
  state->ended(name, reason);
}

// The actors and exchanges of a run.
class wiring {
public:
  wiring(const detail::plan& plan, runtime& rt, std::shared_ptr<run_state> state)
      : plan_(plan), rt_(rt), state_(std::move(state)) {}

  // False where an actor could not be made, which the state then knows.
  bool make() {
    for (const auto& e : plan_.exchanges) exchanges_.push_back(e.message->make_exchange(rt_, e.name, e.kind));
    bool complete = true;
    for (const auto index : plan_.sinks_first) {
      if (!(complete = make_members(plan_.actors[index]))) break;
    }
    state_->expect(members_.size());
    for (const auto& m : members_) (void)rt_.spawn(&watch, state_, m->name(), m->when_ended());
    for (const auto& e : exchanges_) e->release();
    return complete;
  }

  // A sentence for each exchange with messages that reached nobody.
  std::vector<std::string> unroutable() const {
    std::vector<std::string> sentences;
    for (const auto& e : exchanges_) {
      if (const auto n = e->unroutable(); n != 0)
        sentences.push_back(
            fmt::format("{} message{} on exchange '{}' reached nobody", n, n == 1 ? "" : "s", e->name()));
    }
    return sentences;
  }

private:
  bool make_members(const detail::actor_plan& actor) {
    for (std::size_t i = 0; i < actor.count; ++i) {
      const auto name = actor.count == 1 ? actor.name : fmt::format("{}[{}]", actor.name, i);
      try {
        make_member(actor, name, i);
      } catch (const std::bad_alloc&) {
        throw;
      } catch (const std::exception& e) {
        state_->failed(name, e.what());
        return false;
      } catch (...) {
        state_->failed(name, "its constructor threw something unknown");
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
      a.attach(*exchanges_[a.exchange], *members_.back(), detail::member_key(a.key, index),
               a.options ? &*a.options : nullptr);
  }

  const detail::plan& plan_;
  runtime& rt_;
  std::shared_ptr<run_state> state_;
  std::vector<std::shared_ptr<detail::wired_exchange>> exchanges_;
  std::vector<std::unique_ptr<detail::member>> members_;
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
  auto state = std::make_shared<run_state>(rt.scheduler());
  auto over = state->when_over();
  wiring wires(*plan_, rt, state);
  const bool complete = wires.make();
  {
    const std::stop_callback on_stop(options.stop, [&] { state->stop_by_token(); });
    if (complete && !over.get(forever)) state->failed("(none)", "the pipeline stands still");
  }
  shutdown_report down;
  if (!state->all_ended()) down = rt.shutdown(options.deadline);
  auto report = state->report();
  for (const auto& stuck : down.stuck) report.stuck.push_back(describe(stuck));
  report.unroutable = wires.unroutable();
  return report;
}

}  // namespace troupe::pipeline
