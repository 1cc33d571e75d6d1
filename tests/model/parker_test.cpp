#include <model/testing.hpp>

#include <troupe/scheduler/parker.hpp>

namespace {

using namespace troupe;
using model::check;
using model::holds;
using model::together;

TEST(ParkerModel, an_unpark_is_never_lost_and_shows_what_came_before_it) {
  EXPECT_TRUE(holds([] {
    parker p;
    model::plain<int> data{0};
    together({{"sleeper",
               [&] {
                 check(p.park(), "woken without a wake");
                 check(data.get() == 1, "P2");
               }},
              {"waker", [&] {
                 data.set(1);
                 p.unpark();
               }}});
  }));
}

TEST(ParkerModel, a_sleeper_that_waits_for_a_condition_sees_it_whoever_wakes_it) {
  EXPECT_TRUE(holds([] {
    parker p;
    atomic<int> n{0};
    const auto wake = [&] {
      n.fetch_add(1, relaxed);
      p.unpark();
    };
    together({{"sleeper",
               [&] {
                 while (n.load(relaxed) != 2) p.park();
               }},
              {"one", wake},
              {"two", wake}});
  }));
}

TEST(ParkerModel, two_threads_wake_each_other_in_turn) {
  EXPECT_TRUE(holds([] {
    parker ping;
    parker pong;
    model::plain<int> shared{0};
    together({{"ping",
               [&] {
                 for (int i = 0; i != 2; ++i) {
                   shared.set(shared.get() + 1);
                   pong.unpark();
                   ping.park();
                 }
               }},
              {"pong", [&] {
                 for (int i = 0; i != 2; ++i) {
                   pong.park();
                   shared.set(shared.get() + 1);
                   ping.unpark();
                 }
               }}});
    check(shared.get() == 4, "a turn was lost");
  }));
}

TEST(ParkerModel, a_deadline_that_races_with_a_wake_leaves_the_token_or_takes_it) {
  EXPECT_TRUE(holds(
      [] {
        parker p;
        model::plain<int> data{0};
        together({{"sleeper",
                   [&] {
                     // Whichever comes first: the wake is seen once, by this park or the next.
                     if (!p.park(1)) check(p.park(), "woken without a wake");
                     check(data.get() == 1, "P2");
                     check(!p.park(1), "a token too many");
                   }},
                  {"waker", [&] {
                     data.set(1);
                     p.unpark();
                   }}});
      },
      {.preemptions = 3, .timeouts = 3}));
}

}  // namespace
