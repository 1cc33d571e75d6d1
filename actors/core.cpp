#include <troupe/actors/core.hpp>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/delivery_account.hpp>
#include <troupe/actors/detail/bounded_inbox.hpp>
#include <troupe/actors/detail/class_meters.hpp>
#include <troupe/scheduler/run_loop.hpp>

namespace troupe::detail {

core::core(std::shared_ptr<troupe::scheduler> s, run_loop* loop)
    : scheduler_(std::move(s)),
      recorder_(loop),
      observed_(loop != nullptr),
      seed_(loop ? loop->schedule().seed : static_cast<std::uint64_t>(steady_now())),
      workers_(scheduler_->capacity()),
      begun_(scheduler_->now()) {}

core::~core() = default;

void core::set_budget(std::size_t bytes, overflow when_full) {
  budget_ = std::make_unique<mailbox_budget>(bytes, when_full);
}

void core::add_outside(atomic<std::uint64_t>& c, std::uint64_t n) noexcept {
  if (recorder_) recorder_->require_owner();
  c.fetch_add(n, relaxed);
}

std::uint64_t core::next_id() noexcept {
  // One sequence for each worker and one for all other threads, told apart by the remainder.
  if (!is_own_worker()) return ids_.fetch_add(1, relaxed) * (workers_.size() + 1);
  counters& mine = own();
  const std::uint64_t n = mine.ids.load(relaxed);
  mine.ids.store(n + 1, relaxed);
  return n * (workers_.size() + 1) + current_worker()->index() + 1;
}

message_counts core::counts() const noexcept {
  message_counts sum;
  const auto add_up = [&](const counters& c) {
    // What was sent is read last: live figures may show a message as queued that is handled, never the reverse.
    sum.handled += c.handled.load(acquire);
    sum.failed += c.failed.load(acquire);
    for (std::size_t i = 0; i != c.lost.size(); ++i) {
      const bool unread =
          i == static_cast<std::size_t>(loss::dead_letter) || i == static_cast<std::size_t>(loss::unhandled);
      (unread ? sum.dead_letters : sum.dropped) += c.lost[i].load(acquire);
    }
    sum.refused += c.refused.load(relaxed);
    sum.mutes_broken += c.mutes_broken.load(relaxed);
    sum.called_off += c.called_off.load(relaxed);
    sum.poison += c.lost[static_cast<std::size_t>(loss::poison)].load(relaxed);
    sum.late_replies += c.late_replies.load(relaxed);
    sum.spawned += c.spawned.load(relaxed);
    sum.ended += c.ended.load(relaxed);
  };
  for (const counters& c : workers_) add_up(c);
  add_up(outside_);
  for (const counters& c : workers_) sum.sent += c.sent.load(acquire);
  sum.sent += outside_.sent.load(acquire);
  return sum;
}

}  // namespace troupe::detail

namespace troupe {

const char* to_string(loss why) noexcept {
  switch (why) {
    case loss::dead_letter: return "dead_letter";
    case loss::killed: return "killed";
    case loss::unhandled: return "unhandled";
    case loss::cancelled: return "cancelled";
    case loss::detached: return "detached";
    case loss::overflow: return "overflow";
    case loss::poison: return "poison";
    case loss::expired: return "expired";
    case loss::fault: return "fault";
    case loss::lagged: return "lagged";
    case loss::conflated: return "conflated";
    case loss::disconnected: return "disconnected";
    case loss::count_: break;
  }
  return "unknown";
}

}  // namespace troupe

namespace troupe::detail {

void core::note_loss(cell& receiver, envelope& e, loss why) noexcept {
  count_loss(receiver, why, 1);
  if (delivery_account* const account = account_of(e)) account->lost(why);
  if (watched()) tell_of_loss(receiver, why, e.ops->name, e.trace, 1);
}

void core::measure() {
  meters_ = std::make_unique<class_meters>(workers_.size());
  observed_ = true;
}

class_meter* core::meter_of(const actor_class& c) noexcept {
  return meters_ ? meters_->of(c, is_own_worker() ? current_worker()->index() : workers_.size()) : nullptr;
}

void core::measure_loss(cell& receiver, loss why, std::uint64_t n) noexcept {
  if (class_meter* m = meter_of(receiver.of_class())) m->lost(why, n);
}

void core::count_loss(cell& receiver, loss why, std::uint64_t n) noexcept {
  count(why, n);
  measure_loss(receiver, why, n);
}

void core::note_failure(cell& c) noexcept {
  count(&counters::failed);
  if (class_meter* m = meter_of(c.of_class())) m->failed();
}

void core::note_end(cell& c) noexcept {
  count(&counters::ended);
  if (class_meter* m = meter_of(c.of_class())) m->ended();
}

void core::note_restart(cell& c) noexcept {
  if (class_meter* m = meter_of(c.of_class())) m->restarted();
}

void core::cell_made() noexcept {
  if (is_own_worker())
    bump(own().cells, std::int64_t{1});
  else
    cells_.fetch_add(1, relaxed);
}

void core::cell_freed() noexcept {
  if (is_own_worker())
    bump(own().cells, std::int64_t{-1});
  else if (cells_.fetch_sub(1, acq_rel) == 1)
    delete this;
}

void core::runtime_gone() noexcept {
  std::int64_t sum = -bias;
  for (const counters& c : workers_) sum += c.cells.load(acquire);
  if (cells_.fetch_add(sum, acq_rel) + sum == 0) delete this;
}

void core::drop_services() noexcept {
  std::unique_lock lock(services_mutex_);
  const auto dropped = std::move(services_);
  services_.clear();
  lock.unlock();
}

}  // namespace troupe::detail
