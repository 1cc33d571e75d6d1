#include <model/model_scheduler.hpp>
#include <model/testing.hpp>

#include <troupe/scheduler/green_thread.hpp>

namespace {

using namespace troupe;
using namespace std::chrono_literals;
using model::check;
using model::holds;
using model::model_scheduler;
using model::together;

/// A result that is a failure to read, move or destroy where its writing cannot be known.
struct letter {
  explicit letter(int n) : n_(n) {}
  letter(letter&& other) noexcept : n_(other.n_.get()) {}
  int read() const { return n_.get(); }

private:
  model::plain<int> n_;
};

TEST(FutureModel, get_returns_what_was_given_and_both_ends_give_the_memory_back) {
  EXPECT_TRUE(holds(
      [] {
        model_scheduler home;
        promise<letter> p(home);
        future<letter> f = p.get_future();
        together({{"giver", [&] { p.give(letter(7)); }}, {"reader", [&] {
                                                            future<letter> mine = std::move(f);
                                                            const auto got = mine.get();
                                                            check(got && got->read() == 7, "not what was given");
                                                          }}});
      },
      {.preemptions = 3}));
}

TEST(FutureModel, a_promise_that_is_dropped_wakes_the_reader_with_an_error) {
  EXPECT_TRUE(holds(
      [] {
        model_scheduler home;
        promise<int> p(home);
        future<int> f = p.get_future();
        together({{"dropper", [&] { promise<int>(std::move(p)); }}, {"reader", [&] {
                                                                       const auto got = f.get();
                                                                       check(!got && got.error() == errc::cancelled,
                                                                             "not cancelled");
                                                                     }}});
      },
      {.preemptions = 3}));
}

TEST(FutureModel, a_timeout_and_a_result_that_race_give_exactly_one_of_them) {
  EXPECT_TRUE(holds(
      [] {
        model_scheduler home;
        promise<letter> p(home);
        future<letter> f = p.get_future();
        bool given = false;
        bool came = false;
        together({{"giver", [&] { given = p.give(letter(7)); }},
                  {"reader", [&] {
                     const auto got = f.get(1ns);
                     came = got.has_value();
                     check(came ? got->read() == 7 : got.error() == errc::timeout, "neither the result nor a timeout");
                   }}});
        check(given == came, "given but not there, or the reverse");
      },
      {.preemptions = 3}));
}

TEST(FutureModel, one_of_two_who_give_or_cancel_wins) {
  EXPECT_TRUE(holds(
      [] {
        model_scheduler home;
        promise<int> p(home);
        future<int> f = p.get_future();
        int winners = 0;
        together({{"giver", [&] { winners += p.give(1); }}, {"canceller", [&] { winners += f.cancel(); }}});
        check(winners == 1, "two winners or none");
        const auto got = f.get();
        check(got || got.error() == errc::cancelled, "neither given nor cancelled");
      },
      {.preemptions = 3}));
}

TEST(FutureModel, a_result_that_nobody_reads_goes_with_the_end_that_goes_last) {
  EXPECT_TRUE(holds(
      [] {
        model_scheduler home;
        promise<letter> p(home);
        future<letter> f = p.get_future();
        together({{"giver", [&] { p.give(letter(7)); }}, {"reader", [&] { future<letter>(std::move(f)); }}});
      },
      {.preemptions = 3}));
}

/// Whom a question was put to: to describe it after its end is a failure.
class oracle final : public strand {
public:
  using strand::strand;
  void run() noexcept override {}
  std::string describe() const override { return there_.get() == 1 ? "an oracle" : "nobody"; }
  void request_kill() noexcept override {}
  bool killed() const noexcept override { return false; }
  std::uint64_t id() const override { return 1; }
  strand_extras& extras() override { return extras_.get(); }
  strand_extras* extras_if_any() const noexcept override { return extras_.if_any(); }
  void go() { there_.set(0); }

private:
  bool must_end() const noexcept override { return false; }
  void end_abandoned() noexcept override {}

  model::plain<int> there_{1};
  detail::extras_slot extras_;
};

TEST(FutureModel, who_was_asked_stays_until_the_error_of_the_reader_is_written) {
  EXPECT_TRUE(holds(
      [] {
        model_scheduler home;
        oracle asked(home);
        promise<int> p(home);
        p.name_parties("riddle", asked);
        future<int> f = p.get_future();
        together({{"giver",
                   [&] {
                     p.give(7);
                     asked.go();
                   }},
                  {"reader", [&] {
                     const auto got = f.get(1ns);
                     check(got.has_value() ||
                               got.error().message() == "no result came in time (riddle asked of an oracle)",
                           "neither the result nor a timeout that says of whom");
                   }}});
      },
      {.preemptions = 3}));
}

/// A green thread that awaits a future, and what became of it.
struct awaiting {
  model_scheduler home;
  model::plain<int> resumed{0};
  model::plain<int> given{0};
  promise<letter> source{home};

  /// `parts`: how many of the program's threads wake it.
  explicit awaiting(int parts) : home(parts) {
    spawn(
        home, [](awaiting* self, future<letter> f) { return read(*self, std::move(f)); }, this, source.get_future());
  }

  static task<> read(awaiting& self, future<letter> f) {
    model::plain<int> mine{1};  // made by the worker that suspends, read by the one that goes on
    auto got = co_await f;
    check(mine.get() == 1, "not what was kept in the frame");
    self.resumed.set(self.resumed.get() + 1);
    if (!got) co_return;
    self.given.set(1);
    check(got->read() == 7, "not what was given");
  }

  void work() { home.work(); }
  void give() {
    source.give(letter(7));
    home.part_ends();
  }
  void kill() {
    home.strands().for_each([](strand& s) { s.request_kill(); });
    home.part_ends();
  }
  bool alive() { return home.strands().size() != 0; }
};

/// The result of one that comes to wait itself before it brings it (F6).
struct waiting_giver final : detail::future_state<int> {
  explicit waiting_giver(scheduler& s) : home(&s) {}
  scheduler& provider() const noexcept override { return *home; }
  const void* owner() const noexcept override { return this; }
  void destroy() noexcept override {}
  void give() {
    begin_to_wait();
    put(7);
    complete();
  }
  scheduler* home;
};

struct reader final : detail::completion {
  void completed() noexcept override { told.set(told.get() + 1); }
  void enter_in_graph() noexcept override { in_table.set(in_table.get() + 1); }
  model::plain<int> told{0};
  model::plain<int> in_table{0};
};

TEST(FutureModel, whoever_waits_for_one_that_waits_is_in_the_graph) {
  EXPECT_TRUE(holds(
      [] {
        using awaited = detail::future_state_base::awaited;
        model_scheduler home;
        waiting_giver state(home);
        reader r;
        bool told = false;
        together({{"giver", [&] { state.give(); }}, {"reader", [&] {
                                                       awaited how = state.await(r, false);
                                                       if (how == awaited::needs_edge) {
                                                         r.enter_in_graph();
                                                         how = state.await(r, true);
                                                       }
                                                       if (how == awaited::ready) return;
                                                       told = !state.withdraw(r);
                                                       if (!told) r.in_table.set(0);  // it is its own again
                                                     }}});
        check(r.told.get() == (told ? 1 : 0), "not told, or told after it was withdrawn");
        check(!told || r.in_table.get() == 1, "it waits and is not in the graph, or twice");
        check(state.take().has_value(), "not what was given");
      },
      {.preemptions = 3}));
}

TEST(FutureModel, a_green_thread_that_awaits_is_resumed_once) {
  EXPECT_TRUE(holds([] {
    awaiting a(1);
    together({{"worker", [&] { a.work(); }}, {"giver", [&] { a.give(); }}});
    check(a.resumed.get() == 1 && a.given.get() == 1 && !a.alive(), "lost or twice");
  }));
}

TEST(FutureModel, a_result_that_comes_while_the_wait_is_published_may_resume_elsewhere) {
  EXPECT_TRUE(holds(
      [] {
        awaiting a(1);
        together({{"worker", [&] { a.work(); }}, {"another", [&] { a.work(); }}, {"giver", [&] { a.give(); }}});
        check(a.resumed.get() == 1 && a.given.get() == 1 && !a.alive(), "lost or twice");
      },
      {.old_reads = 1}));
}

TEST(StrandModel, a_wait_that_is_called_off_while_it_is_published_ends) {
  EXPECT_TRUE(holds([] {
    awaiting a(1);
    together({{"worker", [&] { a.work(); }}, {"killer", [&] { a.kill(); }}});
    check(!a.alive(), "the green thread still waits, though it was told to end");
  }));
}

TEST(StrandModel, a_result_and_a_kill_that_race_end_the_green_thread_once) {
  EXPECT_TRUE(holds(
      [] {
        awaiting a(2);
        together({{"worker", [&] { a.work(); }}, {"giver", [&] { a.give(); }}, {"killer", [&] { a.kill(); }}});
        check(a.resumed.get() <= 1 && !a.alive(), "lost or twice");
      },
      {.old_reads = 1}));
}

}  // namespace
