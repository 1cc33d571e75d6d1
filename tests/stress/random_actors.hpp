#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/loop_actor.hpp>
#include <troupe/actors/monitor.hpp>
#include <troupe/actors/supervisor.hpp>
#include <troupe/scheduler/this_task.hpp>

#include "random_world.hpp"
#include "stress.hpp"

// Who plays in a random program (`random_program.hpp`): messages, what all share, and the actors with their handlers.
// What they then do to each other is in the source.

namespace stress {

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

inline constexpr std::uint32_t urgencies = 3;
inline troupe::priority priority_of(const ball& b) noexcept { return troupe::priority(b.s.lane); }
inline troupe::priority priority_of(const question& q) noexcept { return troupe::priority(q.s.lane); }
inline troupe::priority priority_of(const errand& e) noexcept { return troupe::priority(e.s.lane); }
inline troupe::priority priority_of(const riddle& r) noexcept { return troupe::priority(r.s.lane); }
inline troupe::priority priority_of(const relay& r) noexcept { return troupe::priority(r.s.lane); }
inline troupe::priority priority_of(const chore& c) noexcept { return troupe::priority(c.s.lane); }

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

}  // namespace stress
