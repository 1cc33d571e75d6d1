#include <troupe/actors/actor.hpp>
#include <troupe/actors/monitor.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/actors/supervisor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "stress.hpp"

// A thousand actors that send to each other at random on more workers than there are cores, crash and are made anew,
// and have guests that are closed, killed and watched. C1 to C5 are checked all the time.

namespace stress {

namespace {

using troupe::exit_kind;

constexpr std::uint32_t nodes = 1'000;       // and one number more, for the thread that begins
constexpr std::uint64_t in_flight = 20'000;  // messages that are on their way at a time

/// What went wrong, and how often what was to happen did.
struct ledger {
  std::atomic<std::uint64_t> overlaps{0}, out_of_order{0}, undrained{0}, told_too_early{0}, wrong_reason{0};
  std::atomic<std::uint64_t> crashes{0}, closes{0}, kills{0}, downs{0}, visits{0}, migrations{0};
};

/// Where a message is in the order of what its sender has sent to this receiver.
struct place {
  std::uint32_t life = 0;  // of the sender: it is made anew, and begins to count again
  std::uint32_t number = 0;
  friend auto operator<=>(const place&, const place&) = default;
};

struct ball {
  std::uint32_t from;
  place where;
  std::uint32_t left;  // how often it is still passed on
};
struct visit {
  std::uint32_t number;
};

/// C2: notes whether two handlers of one object overlap, and whether it moves between threads.
class alone {
public:
  class here {
  public:
    here(alone& a, ledger& l) : alone_(a) {
      if (a.inside_.exchange(true, std::memory_order_relaxed)) ++l.overlaps;
      const auto thread = std::this_thread::get_id();
      if (std::exchange(a.last_, thread) != thread) l.migrations.fetch_add(1, std::memory_order_relaxed);
    }
    ~here() { alone_.inside_.store(false, std::memory_order_relaxed); }
    here(const here&) = delete;
    here& operator=(const here&) = delete;

  private:
    alone& alone_;
  };

private:
  std::atomic<bool> inside_{false};
  std::thread::id last_{};
};

/// Lives for a few messages of one sender, then is closed (C4: it has got them all) or killed.
class guest : public troupe::actor {
public:
  guest(ledger& l, std::shared_ptr<std::atomic<bool>> alive, std::uint32_t expected)
      : ledger_(l), alive_(std::move(alive)), expected_(expected) {
    *alive_ = true;
  }
  ~guest() { *alive_ = false; }
  void on(visit v) {
    const alone::here in(alone_, ledger_);
    if (v.number != got_++) ++ledger_.out_of_order;
  }
  void on_stop() {
    if (got_ != expected_) ++ledger_.undrained;
  }

private:
  ledger& ledger_;
  const std::shared_ptr<std::atomic<bool>> alive_;
  const std::uint32_t expected_;
  std::uint32_t got_ = 0;
  alone alone_;
};

/// What all nodes share, and what outlives the object of each.
struct world {
  world() : lives(nodes) {}
  ledger book;
  std::vector<troupe::address<ball>> all;
  std::vector<std::atomic<std::uint32_t>> lives;
  troupe::runtime* rt = nullptr;
};

class node : public troupe::actor {
public:
  node(world& w, std::uint32_t me)
      : world_(w),
        me_(me),
        life_(w.lives[me].fetch_add(1) + 1),
        dice_(me * 65'537ULL + life_),
        seen_(nodes + 1),
        sent_(nodes) {}

  void on(const ball& b) {
    const alone::here in(alone_, world_.book);
    if (!(seen_[b.from] < b.where)) ++world_.book.out_of_order;  // C1
    seen_[b.from] = b.where;
    if (b.left != 0) pass_on(b.left - 1);
    if (dice_.once_in(1'000)) have_a_guest();
    if (dice_.once_in(4'096)) std::this_thread::sleep_for(std::chrono::microseconds(20));  // others steal meanwhile
    if (dice_.once_in(20'000)) {
      ++world_.book.crashes;
      throw std::runtime_error("at random");
    }
  }

  void on(const troupe::down& d) {
    const alone::here in(alone_, world_.book);
    ++world_.book.downs;
    for (visitor& v : visitors_) {
      if (!(v.who == d.who)) continue;
      if (v.alive->load()) ++world_.book.told_too_early;  // C5: the destructor comes first
      if (d.reason.kind != (v.killed ? exit_kind::killed : exit_kind::normal)) ++world_.book.wrong_reason;
      std::swap(v, visitors_.back());
      visitors_.pop_back();
      return;
    }
  }

private:
  struct visitor {
    troupe::any_ref who;
    std::shared_ptr<std::atomic<bool>> alive;
    bool killed;
  };

  void pass_on(std::uint32_t left) {
    const std::uint32_t to = dice_.below(nodes);
    world_.all[to].send({me_, {life_, ++sent_[to]}, left});
  }

  void have_a_guest() {
    const std::uint32_t visits = dice_.below(8);
    auto alive = std::make_shared<std::atomic<bool>>(false);
    auto g = world_.rt->spawn<guest>(std::ref(world_.book), alive, visits);
    const bool killed = dice_.once_in(3);
    visitors_.push_back({g, std::move(alive), killed});
    monitor(this, g);
    world_.book.visits += visits;
    for (std::uint32_t i = 0; i != visits; ++i) g.send(visit{i});
    ++(killed ? world_.book.kills : world_.book.closes);
    killed ? g.kill() : g.close();
  }

  world& world_;
  const std::uint32_t me_;
  const std::uint32_t life_;
  dice dice_;
  std::vector<place> seen_;
  std::vector<std::uint32_t> sent_;
  std::vector<visitor> visitors_;
  alone alone_;
};

std::string complaint(const char* what, std::uint64_t times) {
  return times == 0 ? std::string() : std::to_string(times) + " times " + what + "; ";
}

std::string among_actors(std::uint64_t items) {
  const auto passes = static_cast<std::uint32_t>(items / in_flight);
  const quiet_log hush;  // the crashes are meant
  world w;
  troupe::runtime rt({.workers = 4, .name = "stress"});
  w.rt = &rt;
  auto sup = rt.supervise({.max_restarts = 1'000'000'000, .backoff = {.first = std::chrono::nanoseconds(0)}});
  for (std::uint32_t i = 0; i != nodes; ++i) w.all.push_back(sup.spawn<node>(std::ref(w), i));
  for (std::uint32_t i = 0; i != in_flight; ++i) w.all[i % nodes].send({nodes, {1, i + 1}, passes - 1});
  rt.run();

  const ledger& l = w.book;
  const troupe::message_counts c = rt.counts();
  std::string text = complaint("two handlers of one actor overlapped (C2)", l.overlaps) +
                     complaint("a message came out of order (C1)", l.out_of_order) +
                     complaint("a close did not drain (C4)", l.undrained) +
                     complaint("an end was told too early (C5)", l.told_too_early) +
                     complaint("an end was told with a wrong reason", l.wrong_reason);
  const std::uint64_t sent = std::uint64_t{passes} * in_flight + l.visits;
  if (c.sent != sent) text += std::to_string(c.sent) + " messages were sent, not " + std::to_string(sent) + "; ";
  if (c.queued() != 0) text += std::to_string(c.queued()) + " messages have no fate (C3); ";
  if (c.failed != l.crashes)
    text += std::to_string(c.failed) + " messages failed, not " + std::to_string(l.crashes) + "; ";
  if (items >= 1'000'000 && (l.crashes == 0 || l.closes == 0 || l.kills == 0 || l.downs == 0 || l.migrations <= nodes))
    text += "not everything has happened that was to happen; ";
  return text;
}

constexpr queue all[] = {
    {"actors", 1, "a thousand actors that send at random, crash, and have guests; C1 to C5", among_actors},
};

}  // namespace

std::span<const queue> actors() { return all; }

}  // namespace stress
