#include "random_world.hpp"

#include <utility>

namespace stress {

using troupe::exit_kind;

slip ledger::write(std::uint32_t from, std::uint32_t to, std::uint32_t lane, bool plain) {
  flow& f = flows_[{from, to, lane}];
  const std::uint64_t number = ++f.numbers;
  return {from, to, lane, ++serials_, number, plain ? ++f.plains : 0, cargo(messages_alive_)};
}

slip ledger::write_without_order(std::uint32_t from, std::uint32_t to) {
  return {from, to, 0, ++serials_, 0, 0, cargo(messages_alive_)};
}

void ledger::arrived(const slip& s, std::uint32_t i) {
  record& r = at(i);
  if (s.to != i) return complain("a message for actor " + std::to_string(s.to) + " came to " + name(i));
  if (r.ended) complain(name(i) + " handles a message after its end (C5)");
  if (r.put_off.erase(s.serial) != 0 || std::exchange(r.crashed_at, 0) == s.serial) return;  // it has been here
  if (s.number == 0) return;
  flow& f = flows_[{s.from, i, s.lane}];
  if (s.plain != 0) ++f.plain_arrived;
  if (!r.ordered) return;
  const auto text = [&] {
    return "number " + std::to_string(s.number) + " of " + name(s.from) + " in lane " + std::to_string(s.lane) +
           " came to " + name(i);
  };
  if (r.doubled && s.number == f.seen) return;
  if (s.number <= f.seen) complain(text() + " behind number " + std::to_string(f.seen) + " (C1)");
  f.seen = s.number;
  if (s.plain == 0) return;
  for (std::uint64_t n = f.plain_seen + 1; !r.lossy && n < s.plain; ++n)
    if (!f.unsure.contains(n)) complain(text() + ", but what was sent before it did not (C1, C3)");
  f.plain_seen = s.plain;
}

void ledger::made(std::uint32_t i) {
  if (++at(i).objects != 1) complain(name(i) + " has two objects (C2)");
  at(i).busy = false;
}

void ledger::watch(std::uint32_t i, const troupe::any_ref& who) {
  at(i).who = who;
  by_id_.emplace(who.id(), i);
  who.on_end([this, i](const troupe::exit_reason& reason) { gone(i, reason); });
}

void ledger::close(std::uint32_t i) {
  record& r = at(i);
  if (!r.lossy && !r.late && !r.closed && !r.who.get_cell()->closing()) {
    r.closed = true;
    for (const auto& [key, f] : flows_)
      if (key[1] == i) r.due[{key[0], key[2]}] = f.plains - f.unsure.size();
  }
  r.who.close();
}

void ledger::gone(std::uint32_t i, const troupe::exit_reason& reason) {
  record& r = at(i);
  if (r.ended && !(*r.ended == reason)) complain("the end of " + name(i) + " was told in two ways");
  r.ended = reason;
  if (r.objects != 0) complain("the end of " + name(i) + " was told before its destructor had run (C5)");
  if (rt_->find_actor(r.who.id())) complain("the end of " + name(i) + " was told while it was among the living (C5)");
  if (r.who.alive()) complain(name(i) + " is alive after its end was told (C5)");
  if (!r.closed || r.left || reason.kind != exit_kind::normal) return;
  for (const auto& [key, due] : std::exchange(r.due, {})) {
    const std::uint64_t came = flows_[{key[0], i, key[1]}].plain_arrived;
    if (came < due)
      complain(name(i) + " was closed when " + name(key[0]) + " had sent it " + std::to_string(due) +
               " messages, and ended having got " + std::to_string(came) + " (C4)" +
               (r.loop         ? "; it is a loop"
                : r.supervised ? "; it is supervised"
                               : ""));
  }
}

void ledger::told(std::uint32_t watcher, const troupe::down& d) {
  const std::uint32_t who = by_id_.at(d.who.id());
  record& r = at(who);
  if (r.objects != 0) complain(name(watcher) + " was told of the end of " + name(who) + " before its destructor (C5)");
  if (rt_->find_actor(d.who.id()))
    complain(name(watcher) + " was told of the end of " + name(who) + ", who lives (C5)");
  if (r.ended && !(*r.ended == d.reason)) complain("the end of " + name(who) + " was told in two ways");
  if (--at(watcher).watched[who] < 0)
    complain(name(watcher) + " was told of the end of " + name(who) + " once too often, or after demonitor()");
}

/// Who lives, and what each waits for.
std::string ledger::the_living() const {
  std::string text;
  for (const troupe::task_info& t : rt_->tasks())
    text += "\n  " + t.name + ": " + (t.waits_for.empty() ? "does not wait" : "waits for " + t.waits_for);
  return text;
}

void ledger::check_at_rest() {
  const troupe::message_counts c = rt_->counts();
  std::size_t stashed = 0;
  bool known = true;
  for (std::uint32_t i = 0; i != size(); ++i) {
    const record& r = at(i);
    if (r.who && r.ended) {
      for (const std::uint32_t other : r.linked) {
        const record& o = at(other);
        if (r.ended->abnormal() && !o.ended && !o.supervised)
          complain(name(i) + " has ended, " + to_string(*r.ended) + ", and " + name(other) + ", linked to it, lives");
      }
      continue;
    }
    if (!r.who) continue;
    stashed += r.put_off.size();
    for (const auto& [key, f] : flows_)  // a loop sets aside what it does not wait for
      if (r.loop && key[1] == i) stashed += f.plains - f.plain_arrived;
    known = known && !(r.loop && r.lossy);
    if (r.who.get_cell()->closing())
      complain(name(i) + " has been told to end, and nothing runs, and it lives" + the_living());
    if (r.answers_due != 0)
      complain(name(i) + " has got no answer to " + std::to_string(r.answers_due) + " questions, nor an error (C13)" +
               the_living());
    for (const auto& [who, times] : r.watched)
      if (times > 0 && at(who).ended) complain(name(i) + " was not told of the end of " + name(who));
  }
  if (known && c.queued() != stashed)
    complain(std::to_string(c.queued()) + " messages are said to be queued, " + std::to_string(stashed) +
             " are stashed (C3)" + the_living());
  if (watches_losses_ && losses_told_ != c.dead_letters + c.dropped + c.refused)
    complain(std::to_string(c.dead_letters + c.dropped + c.refused) + " messages were lost, and " +
             std::to_string(losses_told_) + " losses told (C13)");
  if (known && static_cast<std::uint64_t>(messages_alive_) != stashed)
    complain(std::to_string(messages_alive_) + " messages exist, " + std::to_string(stashed) + " are stashed (C3)");
}

void ledger::check_report(const troupe::shutdown_report& report, bool in_time) {
  const std::size_t alive = rt_->alive();
  const std::size_t named = report.stuck.size();
  if (alive > named)  // whoever is named may have been ended behind the deadline
    complain("a shutdown has left " + std::to_string(alive) + " alive and names " + std::to_string(named) + " (C6)" +
             the_living());
  if (in_time)
    for (const troupe::stuck_actor& s : report.stuck) complain(s.name + " did not end at the shutdown (C6)");
  if (rt_->shutdown({}).stuck.size() != named) complain("a second shutdown does not say the same (C6)");
}

void ledger::check_at_the_end() {
  const troupe::message_counts c = rt_->counts();
  if (c.queued() != 0) complain(std::to_string(c.queued()) + " messages were neither handled nor counted as lost (C3)");
  if (c.handled != handled_ + news_handled_)
    complain(std::to_string(handled_ + news_handled_) + " messages were handled, " + std::to_string(c.handled) +
             " counted (C3)");
  if (!crashes_by_faults_ && (retried_ ? c.failed > thrown_ : c.failed != thrown_))
    complain(std::to_string(thrown_) + " handlers threw, " + std::to_string(c.failed) + " messages counted as failed");
  if (c.spawned != c.ended)
    complain(std::to_string(c.spawned) + " actors were made and " + std::to_string(c.ended) + " have ended");
  if (messages_alive_ != 0) complain(std::to_string(messages_alive_) + " messages were never destroyed (C3)");
  for (std::uint32_t i = 0; i != size(); ++i)
    if (at(i).objects != 0) complain(std::to_string(at(i).objects) + " objects of " + name(i) + " are left (C6)");
}

}  // namespace stress
