#include "random_program.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/monitor.hpp>
#include <troupe/actors/supervisor.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/faults.hpp>

#include "random_world.hpp"

namespace stress {

namespace {

using namespace std::chrono_literals;
using troupe::mailbox_options;
using troupe::mailbox_order;
using troupe::overflow;
using troupe::restart_strategy;
using troupe::restart_type;

// --- messages ------------------------------------------------------------------------------------------------------

struct ball {
  slip s;
};
struct chip {
  slip s;
};
struct errand {
  slip s;
};
struct question {
  slip s;
  std::uint32_t n;
};
struct riddle {
  slip s;
  std::uint32_t n;
};
struct relay {
  slip s;
  std::uint32_t n;
};
struct chore {
  slip s;
  std::uint32_t n;
};

constexpr std::uint32_t urgencies = 3;
troupe::priority priority_of(const ball& b) noexcept { return troupe::priority(b.s.lane); }
troupe::priority priority_of(const question& q) noexcept { return troupe::priority(q.s.lane); }
troupe::priority priority_of(const errand& e) noexcept { return troupe::priority(e.s.lane); }
troupe::priority priority_of(const riddle& r) noexcept { return troupe::priority(r.s.lane); }
troupe::priority priority_of(const relay& r) noexcept { return troupe::priority(r.s.lane); }
troupe::priority priority_of(const chore& c) noexcept { return troupe::priority(c.s.lane); }

constexpr std::uint32_t answer_to(std::uint32_t n) { return n * 3 + 1; }

class node;
class looper;

/// What all share.
struct world {
  world(troupe::runtime& rt, std::uint64_t seed) : book(rt), chance(seed) {}

  ledger book;
  dice chance;
  std::uint32_t fuel = 0;                      // what may still happen
  std::vector<troupe::ref<node>> nodes{};      // by number; empty for those that are something else
  std::vector<troupe::ref<looper>> loopers{};  // likewise
  std::vector<troupe::supervisor> supervisors{};
  std::uint32_t walkers = 0;  // that have not come to their end

  bool burn() { return fuel != 0 && fuel-- != 0; }
  std::uint32_t anyone() { return chance.below(book.size()); }
  std::uint32_t anyone_with_a_ref() {
    for (;;)
      if (const std::uint32_t i = anyone(); book.at(i).who) return i;
  }
  std::chrono::nanoseconds moment() { return std::chrono::nanoseconds(chance.below(40'000)); }
  /// For room. Where all mailboxes share a memory, those who wait for it may hold it themselves.
  std::chrono::nanoseconds patience() { return book.shared_memory() || chance.once_in(2) ? moment() : troupe::forever; }
  slip write(std::uint32_t from, std::uint32_t to, bool plain) {
    const record& r = book.at(to);
    return book.write(from, to, r.prioritised ? chance.below(urgencies) : 0, plain);
  }
  std::uint32_t new_number();
  /// `make`: below whom; empty: a supervisor's or nobody's.
  void spawn_some(const std::function<troupe::ref<node>(const troupe::child_options&, std::uint32_t, bool)>& make = {});
  void start_walker();
  void meddle();
  void send(std::uint32_t from, std::uint32_t to);
};

/// A message that is to be sent when there is room. The coroutine that waits for it may be destroyed meanwhile: its
/// fate is known only when it says so (RW2).
class doubtful {
public:
  doubtful(world& w, slip s) : world_(&w), slip_(std::move(s)) { w.book.doubt(slip_); }
  doubtful(const doubtful&) = delete;
  doubtful& operator=(const doubtful&) = delete;
  void sent() { world_->book.no_doubt(slip_); }

private:
  world* world_;
  slip slip_;
};

struct planned {};  // a crash that is meant

// --- actors --------------------------------------------------------------------------------------------------------

class node : public troupe::actor {
public:
  node(world& w, std::uint32_t me, bool fragile) : world_(w), me_(me) {
    world_.book.made(me);
    if (fragile && world_.chance.once_in(8)) {
      world_.book.destroyed(me);
      throw planned();
    }
  }
  ~node() { world_.book.destroyed(me_); }

  void on_start() {
    const alone in(world_.book, me_);
    if (world_.chance.once_in(4)) act();
  }
  void on_stop() {
    const alone in(world_.book, me_);
    if (world_.chance.once_in(4)) act();
  }
  void on_idle() {
    const alone in(world_.book, me_);
    set_idle_timeout(troupe::forever);
    act();
  }

  void on(const ball& b) {
    const alone in(world_.book, me_);
    world_.book.arrived(b.s, me_);
    if (world_.fuel != 0 && b.s.number != 0 && world_.book.at(me_).stashes && world_.chance.once_in(12)) {
      stash();
      return world_.book.put_off(b.s, me_);
    }
    if (world_.chance.once_in(6)) unstash_all();
    done(b.s);
  }
  std::uint32_t on(const question& q) {
    const alone in(world_.book, me_);
    world_.book.arrived(q.s, me_);
    done(q.s);
    return answer_to(q.n);
  }
  void on(const riddle& r, troupe::promise<std::uint32_t> reply) {
    const alone in(world_.book, me_);
    world_.book.arrived(r.s, me_);
    if (world_.chance.once_in(2)) {
      reply.give(answer_to(r.n));
    } else {
      kept_.emplace_back(std::move(reply), r.n);
    }
    done(r.s);
  }
  troupe::delegated<std::uint32_t> on(const relay& r) {
    const alone in(world_.book, me_);
    world_.book.arrived(r.s, me_);
    done(r.s);
    const std::uint32_t to = some_node();
    const question q{world_.write(me_, to, false), r.n};  // last: it goes on its way when the handler has returned
    return delegate(world_.nodes[to], q);
  }
  /// Whoever asks may have given up before the end.
  troupe::task<std::uint32_t> on(const chore& c) {
    const alone in(world_.book, me_);
    world_.book.arrived(c.s, me_);
    const bool slept = co_await troupe::this_task::sleep_for(world_.moment());
    if (slept) co_await troupe::this_task::yield();
    done(c.s);
    co_return answer_to(c.n);
  }
  troupe::task<> on(const errand& e) {
    const alone in(world_.book, me_);
    world_.book.arrived(e.s, me_);
    for (std::uint32_t steps = world_.chance.below(4); steps != 0 && world_.burn(); --steps) {
      switch (world_.chance.below(5)) {
        case 0: co_await troupe::this_task::yield(); break;
        case 1: {
          const bool slept = co_await troupe::this_task::sleep_for(world_.moment());
          (void)slept;
          break;
        }
        case 2: {
          const std::uint32_t to = some_node();
          const std::uint32_t n = world_.chance.below(100);
          const question q{world_.write(me_, to, false), n};
          auto asked = world_.nodes[to].ask(q, world_.moment());
          const auto answer = co_await asked;
          if (answer && *answer != answer_to(n)) world_.book.complain("a question got the answer to another");
          break;
        }
        case 3: {
          const std::uint32_t to = some_node();
          const ball b{world_.write(me_, to, true)};
          doubtful d(world_, b.s);
          auto sending = world_.nodes[to].send_wait(b, world_.patience());
          const auto sent = co_await sending;
          if (sent) d.sent();
          break;
        }
        case 4: act(); break;
      }
    }
    done(e.s);
  }
  void on(const troupe::down& d) {
    const alone in(world_.book, me_);
    world_.book.told(me_, d);
    if (world_.chance.once_in(4)) act();
    if (world_.fuel != 0 && world_.chance.once_in(30)) throw planned();
  }

private:
  std::uint32_t some_node() {
    for (;;)
      if (const std::uint32_t i = world_.anyone(); world_.nodes[i]) return i;
  }

  /// The end of a handler: something happens, or it crashes.
  void done(const slip& s) {
    for (std::uint32_t n = world_.chance.below(5); n != 0; --n) act();
    if (!kept_.empty() && world_.chance.once_in(3)) {
      kept_.front().first.give(answer_to(kept_.front().second));
      kept_.pop_front();
    }
    if (world_.fuel != 0 && world_.chance.once_in(60)) {
      world_.book.thrown(s, me_);
      throw planned();
    }
    world_.book.handled();
  }

  void act();
  void ask_someone();
  void watch_someone();
  void link_someone();

  world& world_;
  const std::uint32_t me_;
  std::deque<std::pair<troupe::promise<std::uint32_t>, std::uint32_t>> kept_;
  std::vector<std::pair<std::uint32_t, troupe::monitor_handle>> monitors_;
};

/// Takes balls and chips, those that it wants first.
class looper : public troupe::loop_actor<ball, chip> {
public:
  looper(world& w, std::uint32_t me) : world_(w), me_(me) { world_.book.made(me); }
  ~looper() { world_.book.destroyed(me_); }

  troupe::task<> run() override {
    for (;;) {
      switch (world_.chance.below(4)) {
        case 0: {
          const auto c = co_await receive<chip>();
          if (c) {
            take(c->s);
          } else {
            const auto m = co_await receive();  // told to close: what is left
            if (!m) co_return;
            take(*m);
          }
          break;
        }
        case 1: {
          const auto m = co_await receive_for(world_.moment());
          if (m)
            take(*m);
          else if (m.error() == troupe::errc::closed)
            co_return;
          if (!m && world_.fuel == 0) {  // or it would wake again and again
            const auto last = co_await receive();
            if (!last) co_return;
            take(*last);
          }
          break;
        }
        default: {
          const auto m = co_await receive();
          if (!m) co_return;
          take(*m);
        }
      }
      if (world_.chance.once_in(3)) co_await troupe::this_task::yield();
      if (world_.fuel != 0 && world_.chance.once_in(100)) {
        world_.book.at(me_).left = true;
        co_return;
      }
      if (world_.fuel != 0 && world_.chance.once_in(100)) throw planned();
    }
  }

private:
  void take(const received& m) {
    std::visit([&](const auto& x) { take(x.s); }, m);
  }
  void take(const slip& s) {
    const alone in(world_.book, me_);
    world_.book.arrived(s, me_);
    world_.book.handled();
    if (world_.burn()) world_.send(me_, world_.anyone());
  }

  world& world_;
  const std::uint32_t me_;
};

/// Hears of the messages that are lost.
class coroner : public troupe::actor {
public:
  explicit coroner(ledger& l) : book_(l) {}
  void on(const troupe::dead_letter& d) {
    book_.losses_told() += d.count;
    ++book_.news_handled();
  }

private:
  ledger& book_;
};

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

// --- what they do --------------------------------------------------------------------------------------------------

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

troupe::supervisor_options some_supervision(dice& d) {
  troupe::supervisor_options o;
  constexpr restart_strategy strategies[] = {restart_strategy::one_for_one, restart_strategy::one_for_all,
                                             restart_strategy::rest_for_one};
  o.strategy = strategies[d.below(3)];
  o.max_restarts = d.once_in(2) ? 1'000 : d.below(4);
  o.backoff.first = std::chrono::nanoseconds(d.once_in(2) ? 0 : d.below(20'000));
  return o;
}

/// The finalizer of splitmix64: seeds that follow each other make programs that have nothing in common.
std::uint64_t mixed(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// What goes wrong with the messages for some of them.
void add_faults(world& w, troupe::testing::faults& f) {
  using troupe::testing::with_probability;
  for (std::uint32_t i = 0; i != w.nodes.size(); ++i) {
    const auto& n = w.nodes[i];
    if (!n || w.chance.once_in(3)) continue;
    record& r = w.book.at(i);
    switch (w.chance.below(5)) {
      case 0:
        r.lossy = true;
        f.drop<ball>(n, with_probability(0.1));
        f.drop<question>(n, with_probability(0.1));
        break;
      case 1:
        r.lossy = r.doubled = true;
        r.stashes = false;
        f.duplicate<ball>(n, with_probability(0.1));
        break;
      case 2:
        r.late = true;
        f.delay<ball>(n, w.moment(), with_probability(0.1));
        break;
      case 3:
        r.late = true;
        f.reorder(n, w.moment(), with_probability(0.3));
        break;
      case 4:
        r.lossy = true;
        r.stashes = false;
        w.book.crash_by_faults();
        f.crash(n, with_probability(0.05));
        break;
    }
  }
}

void play(world& w) {
  dice& d = w.chance;
  troupe::runtime& rt = w.book.rt();
  troupe::run_loop& loop = *rt.core().recorder();
  loop.limit(200'000, loop.now() + std::chrono::nanoseconds(1'000h).count());
  std::optional<troupe::dead_letter_watch> losses;
  if (!w.book.losses_by_budget() && d.once_in(2)) {
    losses = rt.watch_dead_letters(rt.spawn<coroner>(std::ref(w.book)));
    w.book.watch_losses();
  }
  for (std::uint32_t n = d.below(3); n != 0; --n) w.supervisors.push_back(rt.supervise(some_supervision(d)));
  if (!w.supervisors.empty() && d.once_in(3)) w.supervisors.push_back(w.supervisors[0].supervise(some_supervision(d)));
  const std::uint32_t outside = w.new_number();
  for (std::uint32_t n = 2 + d.below(6); n != 0; --n) w.spawn_some();
  while (std::none_of(w.nodes.begin(), w.nodes.end(), [](const auto& n) { return bool(n); })) w.spawn_some();

  std::optional<troupe::testing::faults> faults;
  if (d.once_in(4)) add_faults(w, faults.emplace(rt));
  const bool to_the_end = !d.once_in(4);
  for (std::uint32_t rounds = 1 + d.below(2); rounds != 0 && w.book.complaint().empty(); --rounds) {
    w.fuel = 20 + d.below(400);
    for (std::uint32_t n = d.below(4); n != 0; --n) w.start_walker();
    for (std::uint32_t n = 2 + d.below(10); n != 0; --n) w.send(outside, w.anyone());
    if (!to_the_end) {
      (void)rt.wait_idle(w.moment() * 4);
      break;
    }
    rt.run();
    if (loop.exhausted())
      return w.book.complain("no rest after " + std::to_string(loop.steps()) + " slices: a livelock");
    if (w.walkers != 0)
      w.book.complain(std::to_string(w.walkers) + " green threads wait for ever" + w.book.the_living());
    w.book.check_at_rest();
  }
  if (!w.book.complaint().empty()) return;
  faults.reset();
  const auto deadline = to_the_end || d.once_in(2) ? std::chrono::nanoseconds(100h) : w.moment();
  const troupe::shutdown_report report = rt.shutdown(deadline);
  if (loop.exhausted()) return w.book.complain("the shutdown is a livelock");
  w.book.check_report(report, deadline == 100h);
  if (rt.alive() == 0) w.book.check_at_the_end();
}

}  // namespace

program_run run_random_program(const troupe::seeded_schedule& schedule) {
  const std::uint64_t seed = mixed(schedule.seed);
  dice d(seed);
  const bool budget = d.once_in(12);
  const bool blocks = d.once_in(2);
  program_run out;
  std::optional<troupe::runtime> rt;
  rt.emplace(troupe::runtime_options{.name = "seeds",
                                     .mailbox_memory = budget ? 200 + d.below(2'000) : 0u,
                                     .mailbox_overflow = blocks ? overflow::block : overflow::drop_oldest,
                                     .seed = schedule.seed,
                                     .strategy = schedule.strategy});
  world w(*rt, d.roll());
  w.book.share_memory(budget, !blocks);
  try {
    play(w);
  } catch (const std::exception& e) {
    w.book.complain(std::string("an exception: ") + e.what());
  }
  out.trace = rt->trace();
  out.steps = rt->core().recorder()->steps();
  out.handled = rt->counts().handled;
  // What is left of a run that went wrong is destroyed without being played on.
  rt->core().recorder()->limit(0, troupe::timers::never);
  rt.reset();
  out.wrong = w.book.complaint();
  return out;
}

}  // namespace stress
