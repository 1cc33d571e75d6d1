#include "random_program.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include <troupe/base/splitmix.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/testing/faults.hpp>

#include "random_actors.hpp"

namespace stress {

namespace {

using namespace std::chrono_literals;
using troupe::overflow;
using troupe::restart_strategy;

troupe::supervisor_options some_supervision(dice& d) {
  troupe::supervisor_options o;
  constexpr restart_strategy strategies[] = {restart_strategy::one_for_one, restart_strategy::one_for_all,
                                             restart_strategy::rest_for_one};
  o.strategy = strategies[d.below(3)];
  o.max_restarts = d.once_in(2) ? 1'000 : d.below(4);
  o.backoff.first = std::chrono::nanoseconds(d.once_in(2) ? 0 : d.below(20'000));
  return o;
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
  std::uint64_t state = schedule.seed;  // seeds that follow each other make programs that have nothing in common
  dice d(troupe::detail::next_splitmix(state));
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
