#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/base/log.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>
#include <troupe/scheduler/green_thread.hpp>

// What becomes of the dead letters of a queue.

namespace troupe::detail {

namespace {

// Consumers may send a letter round, to try it again later; somewhere it has to end.
constexpr std::size_t most_deaths = 32;

/// Those that become dead letters while this thread publishes others.
struct burial {
  std::shared_ptr<ack_queue_base> queue;
  node_list letters;
};
constinit thread_local std::vector<burial>* next_burials = nullptr;

error error_for(dead_reason why) {
  switch (why) {
    case dead_reason::expired: return error(errc::expired, "the message has waited for too long in its queue");
    case dead_reason::limit: return error(errc::full, "the queue of the message was full");
    case dead_reason::rejected: return error(errc::unhandled, "a consumer has rejected the message");
    case dead_reason::max_deliveries: break;
  }
  return error(errc::unhandled, "the message came back from the last of its deliveries");
}

bool without_consumer(dead_reason why) noexcept { return why == dead_reason::expired || why == dead_reason::limit; }

}  // namespace

/// Q7. It was a dead letter here, and no consumer has had it since.
bool ack_queue_base::has_been_here(const deaths& died) const noexcept {
  for (auto i = died.rbegin(); i != died.rend() && without_consumer(i->why); ++i) {
    if (i->queue == name_) return true;
  }
  return false;
}

void ack_queue_base::bury(node_list& dead) noexcept {
  if (next_burials) {
    try {
      next_burials->push_back({shared_from_this(), dead});
    } catch (...) {  // no memory
      while (ack_node* n = dead.pop_front()) settle_death(*n, false);
    }
    return;
  }
  std::vector<burial> next;
  next_burials = &next;
  while (ack_node* n = dead.pop_front()) bury(*n);
  while (!next.empty()) {
    for (burial& each : std::exchange(next, {}))
      while (ack_node* n = each.letters.pop_front()) each.queue->bury(*n);
  }
  next_burials = nullptr;
}

void ack_queue_base::bury(ack_node& n) noexcept { settle_death(n, !options_.dead_letters.empty() && pass_on(n)); }

bool ack_queue_base::pass_on(ack_node& n) noexcept {
  try {
    deaths died = n.was_dead ? *n.died() : deaths();
    died.push_back({name_, n.reason});
    if (died.size() < most_deaths) return send_dead_letter(n, died);
    say_once(
        fmt::format("a message has been a dead letter {} times: it is lost, and so are others that go round like "
                    "that",
                    most_deaths));
  } catch (...) {
    log_line(fmt::format("queue '{}': a dead letter could not be published on '{}': {}", name_, options_.dead_letters,
                         current_exception_text()));
  }
  return false;
}

void ack_queue_base::say_once(std::string_view what) noexcept {
  if (said_.exchange(true, relaxed)) return;
  try {
    log_line(fmt::format("queue '{}': {}", name_, what));
  } catch (...) {  // no memory for a line
  }
}

/// Q4. A delivery that had begun has had its fate; what only waited has it now.
void ack_queue_base::settle_death(ack_node& n, bool taken) noexcept {
  const bool waited = without_consumer(n.reason);
  const loss how = n.reason == dead_reason::expired ? loss::expired
                   : n.reason == dead_reason::limit ? loss::overflow
                                                    : loss::dead_letter;
  if (!waited && !taken) {
    core_->count(&core::counters::sent);
    routed_to_die_.fetch_add(1, relaxed);
  }
  if (!taken)
    core_->lose(how, type_name_);
  else if (waited)
    core_->count(how);
  if (waited || !taken) account_->lost(how);
  if (n.confirm) {
    const error why = error_for(n.reason);
    n.confirm->settled(1, &why);
  }
  n.release();
}

}  // namespace troupe::detail

namespace troupe {

std::string_view to_string(dead_reason why) noexcept {
  switch (why) {
    case dead_reason::rejected: return "rejected";
    case dead_reason::max_deliveries: return "max_deliveries";
    case dead_reason::expired: return "expired";
    case dead_reason::limit: return "limit";
  }
  return "unknown";
}

}  // namespace troupe
