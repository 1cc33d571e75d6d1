#include "random_actors.hpp"

#include <optional>
#include <string>

namespace stress {

using namespace std::chrono_literals;
using troupe::mailbox_options;
using troupe::mailbox_order;
using troupe::overflow;
using troupe::restart_type;

namespace {

/// A green thread that sends, asks and waits.
troupe::task<> walks(world& w, std::uint32_t me) {
  for (std::uint32_t steps = w.chance.below(12); steps != 0 && w.burn(); --steps) {
    const std::uint32_t to = w.anyone();
    if (!w.nodes[to]) {
      w.send(me, to);
      continue;
    }
    switch (w.chance.below(5)) {
      case 0: co_await troupe::this_task::yield(); break;
      case 1: {
        const std::uint32_t n = w.chance.below(100);
        const question q{w.write(me, to, false), n};
        auto asked = w.nodes[to].ask(q);  // for ever: the answer comes, or an error
        const auto answer = co_await asked;
        if (answer && *answer != answer_to(n)) w.book.complain("a question got the answer to another");
        break;
      }
      case 2: {
        const ball b{w.write(me, to, true)};
        doubtful d(w, b.s);
        auto sending = w.nodes[to].send_wait(b, w.patience());
        const auto sent = co_await sending;
        if (sent) d.sent();
        break;
      }
      case 3: {
        const auto ended = co_await w.nodes[to].when_ended(w.moment());
        if (ended && w.book.at(to).objects != 0) w.book.complain("an end was told before the destructor had run (C5)");
        break;
      }
      default: w.send(me, to);
    }
  }
  --w.walkers;
}

std::optional<mailbox_options> some_mailbox(dice& d, record& r) {
  if (!d.once_in(2)) return std::nullopt;
  mailbox_options o;
  if (!d.once_in(3)) o.capacity = 1 + d.below(6);
  constexpr overflow policies[] = {overflow::block, overflow::block, overflow::drop_oldest, overflow::drop_newest,
                                   overflow::fail};
  o.when_full = policies[d.below(5)];
  constexpr mailbox_order orders[] = {mailbox_order::fifo, mailbox_order::priority, mailbox_order::lifo};
  o.order = orders[d.below(3)];
  r.lossy = o.capacity != mailbox_options::unbounded && o.when_full != overflow::block;
  r.ordered = o.order != mailbox_order::lifo;
  r.prioritised = o.order == mailbox_order::priority;
  return o;
}

}  // namespace

std::uint32_t world::new_number() {
  nodes.emplace_back();
  loopers.emplace_back();
  return book.add();
}

void world::spawn_some(
    const std::function<troupe::ref<node>(const troupe::child_options&, std::uint32_t, bool)>& make) {
  if (book.size() >= 60) return;
  const std::uint32_t i = new_number();
  record& r = book.at(i);
  try {
    if (!make && chance.once_in(5)) {
      r.loop = true;
      r.lossy = book.losses_by_budget();
      loopers[i] = book.rt().spawn<looper>(std::ref(*this), i);
      return book.watch(i, loopers[i]);
    }
    const bool fragile = chance.once_in(4);
    troupe::child_options child;
    child.mailbox = some_mailbox(chance, r);
    r.lossy = r.lossy || book.losses_by_budget();
    constexpr restart_type types[] = {restart_type::permanent, restart_type::transient, restart_type::temporary};
    child.restart = types[chance.below(3)];
    child.poison_after = 1 + chance.below(3);
    if (chance.once_in(3)) child.name = "named " + std::to_string(i);
    const bool below = make || (!supervisors.empty() && chance.once_in(2));
    if (below) {
      r.supervised = true;
      r.retries = child.poison_after > 1;
      nodes[i] = make ? make(child, i, fragile)
                      : supervisors[chance.below(static_cast<std::uint32_t>(supervisors.size()))].spawn<node>(
                            child, std::ref(*this), i, fragile);
    } else {
      nodes[i] = book.rt().spawn<node>({.name = child.name, .mailbox = child.mailbox}, std::ref(*this), i, fragile);
    }
    book.watch(i, nodes[i]);
  } catch (const planned&) {
  } catch (const troupe::troupe_error&) {  // the supervisor ends, or the runtime does
  }
}

void world::start_walker() {
  if (book.size() >= 60) return;
  const std::uint32_t i = new_number();
  try {
    ++walkers;
    auto detached = book.rt().spawn(walks, std::ref(*this), i);
  } catch (const troupe::troupe_error&) {
    --walkers;
  }
}

void world::send(std::uint32_t from, std::uint32_t to) {
  if (const auto& l = loopers[to]) {
    const bool chipped = chance.once_in(2);
    slip s = book.write(from, to, chipped ? 1 : 0, true);
    chipped ? l.send(chip{std::move(s)}) : l.send(ball{std::move(s)});
    return;
  }
  const auto& n = nodes[to];
  if (!n) return;
  switch (chance.below(10)) {
    case 0: return n.send(question{write(from, to, true), 0});
    case 1: return n.send(riddle{write(from, to, true), 0});
    case 2:
      return chance.once_in(2) ? n.send(relay{write(from, to, true), 0}) : n.send(chore{write(from, to, true), 0});
    case 3:
    case 4: return n.send(errand{write(from, to, true)});
    case 5: {
      const ball b{write(from, to, true)};
      if (n.try_send(b) == troupe::send_status::full) book.doubt(b.s);
      return;
    }
    default: n.send(ball{write(from, to, true)});
  }
}

/// Somebody from outside does something to one of them.
void world::meddle() {
  const std::uint32_t i = anyone();
  const troupe::any_ref who = book.at(i).who;
  if (!who) return;
  switch (chance.below(6)) {
    case 0: return book.close(i);
    case 1: return who.kill();
    case 2:
    case 3: {
      if (supervisors.empty()) return;
      const troupe::supervisor& s = supervisors[chance.below(static_cast<std::uint32_t>(supervisors.size()))];
      (void)s.restart_child(who);
      return;
    }
    case 4: {
      if (supervisors.empty()) return;
      const troupe::supervisor& s = supervisors[chance.below(static_cast<std::uint32_t>(supervisors.size()))];
      (void)s.end_child(who);
      return;
    }
    case 5: return start_walker();
  }
}

void node::act() {
  if (!world_.burn()) return;
  ledger& book = world_.book;
  dice& d = world_.chance;
  switch (d.below(26)) {
    case 0:
    case 1:
    case 2: return ask_someone();
    case 3: {
      const std::uint32_t to = some_node();
      (void)world_.nodes[to].send_later(world_.moment(), ball{book.write_without_order(me_, to)});
      return;
    }
    case 4: {
      const std::uint32_t to = some_node();
      const auto period = world_.moment() + 1us;
      auto beats = world_.nodes[to].send_every(period, ball{book.write_without_order(me_, to)});
      (void)book.rt().call_later(d.below(4) * period + 500ns, [beats]() mutable { beats.cancel(); });
      return;
    }
    case 5: return world_.spawn_some();
    case 6:
      return world_.spawn_some([this](const troupe::child_options& child, std::uint32_t i, bool fragile) {
        return spawn_child<node>(child, std::ref(world_), i, fragile);
      });
    case 7:
    case 8: return watch_someone();
    case 9: {
      if (monitors_.empty()) return;
      const auto [who, handle] = monitors_.back();
      monitors_.pop_back();
      int& due = book.at(me_).watched[who];
      if (due == 1) due = 0;
      return demonitor(handle);
    }
    case 10: return link_someone();
    case 11: {
      auto& mine = book.at(me_).linked;
      if (mine.empty()) return;
      const std::uint32_t other = mine.back();
      std::erase(mine, other);
      std::erase(book.at(other).linked, me_);
      return unlink(book.at(other).who);
    }
    case 12: return d.once_in(3) ? book.close(world_.anyone_with_a_ref()) : void();
    case 13: return d.once_in(4) ? book.at(world_.anyone_with_a_ref()).who.kill() : void();
    case 14: return d.once_in(6) ? exit("had enough") : void();
    case 15: return set_idle_timeout(world_.moment() + 1us);
    case 16: return world_.meddle();
    case 17: {
      (void)book.rt().call_later(world_.moment(), [&w = world_] { w.meddle(); });
      return;
    }
    case 18: return d.once_in(4) ? close_self() : void();
    default: world_.send(me_, world_.anyone()); world_.send(me_, world_.anyone());
  }
}

void node::ask_someone() {
  const std::uint32_t to = some_node();
  const std::uint32_t n = world_.chance.below(100);
  ++world_.book.at(me_).answers_due;
  const auto reply = [&w = world_, me = me_, n](troupe::result<std::uint32_t> r) {
    const alone in(w.book, me);
    --w.book.at(me).answers_due;
    if (r && *r != answer_to(n)) w.book.complain("a question got the answer to another");
  };
  slip s = world_.write(me_, to, false);
  switch (world_.chance.below(4)) {
    case 0: return world_.nodes[to].ask(question{std::move(s), n}, world_.moment()).then(this, reply);
    case 1: return world_.nodes[to].ask(riddle{std::move(s), n}, world_.moment()).then(this, reply);
    case 2: return world_.nodes[to].ask(relay{std::move(s), n}, world_.moment()).then(this, reply);
    case 3: return world_.nodes[to].ask(chore{std::move(s), n}, world_.moment()).then(this, reply);
  }
}

void node::watch_someone() {
  const std::uint32_t who = world_.anyone_with_a_ref();
  int& due = world_.book.at(me_).watched[who];
  if (who == me_ || due != 0) return;
  due = 1;
  monitors_.emplace_back(who, monitor(this, world_.book.at(who).who));
}

void node::link_someone() {
  const std::uint32_t other = world_.anyone_with_a_ref();
  if (other == me_) return;
  world_.book.at(me_).linked.push_back(other);
  world_.book.at(other).linked.push_back(me_);
  link(world_.book.at(other).who);
}

}  // namespace stress
