#include <mutex>
#include <utility>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/detail/stream/running_ends.hpp>
#include <troupe/exchange/detail/stream/stream_actor.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace troupe::detail {

namespace {

/// Numbers the streams of a runtime, for their names.
struct stream_numbers {
  atomic<std::uint64_t> last{0};  // relaxed: only a number
};

task<> deliver_rest(std::shared_ptr<stream_program> p) {
  task<> rest = p->deliver();
  co_await rest;
}

}  // namespace

// --- stream_control ------------------------------------------------------------------------------------------------

void stream_control::keep(std::size_t input, subscription s) {
  {
    std::lock_guard guard(mutex_);
    if (!over_) std::swap(inputs_[input], s);
  }
  s.detach();  // SA2
}

void stream_control::detach(std::size_t input) noexcept {
  subscription s;
  {
    std::lock_guard guard(mutex_);
    std::swap(inputs_[input], s);
  }
  s.detach();
}

void stream_control::detach_all() noexcept {
  std::vector<subscription> all;
  {
    std::lock_guard guard(mutex_);
    over_ = true;
    all.swap(inputs_);
  }
  for (subscription& s : all) s.detach();
}

void stream_control::keep_rest(future<void> rest) {
  std::lock_guard guard(mutex_);
  rest_ = std::move(rest);
}

future<void> stream_control::take_rest() {
  std::lock_guard guard(mutex_);
  return std::move(rest_);
}

// --- stream_actor --------------------------------------------------------------------------------------------------

task<> stream_program::deliver() { co_return; }

void stream_actor::on_start() {
  program_->self = self(this);
  program_->clock.begin(self(this));
  const delivery_gate::passage through(&program_->control->gate);
  if (through) program_->begin();
}

task<> stream_actor::on(stream_due d) {
  {
    const delivery_gate::passage through(&program_->control->gate);
    if (through) program_->due(d);
  }
  if (program_->has_pending()) {
    task<> rest = program_->deliver();
    co_await rest;
  }
}

void stream_actor::on_stop() {
  {
    const delivery_gate::passage through(&program_->control->gate);
    if (!through) return program_->abandon(errc::cancelled);
    if (!program_->sources_have_ended()) return program_->abandon(errc::closed);
    program_->end();
  }
  // An actor that ends has no message left to await the observer in.
  if (program_->has_pending())
    program_->control->keep_rest(spawn(program_->self.get_cell()->core().scheduler(), &deliver_rest, program_));
}

error ended_early(errc why) {
  if (why == errc::cancelled) return error(why, "stream: it was stopped before its sources had ended");
  return error(why,
               "stream: its actor was closed before its sources had ended: by a shutdown, or because the policy of its "
               "subscription has disconnected it");
}

any_ref spawn_stream(core& home, const std::string& of, std::shared_ptr<stream_program> p) {
  home.require_up();
  const auto numbers = home.service<stream_numbers>([] { return std::make_shared<stream_numbers>(); });
  const std::uint64_t number = numbers->last.fetch_add(1, relaxed) + 1;
  any_ref made;
  cell::make(home, class_of<stream_actor>, {.name = "stream#" + std::to_string(number) + " of " + of},
             [&](cell& c, void* memory) {
               made = any_ref(&c);
               new (memory) stream_actor(std::move(p));
             });
  return made;
}

}  // namespace troupe::detail
