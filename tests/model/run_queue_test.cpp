#include <model/testing.hpp>

#include <array>

#include <troupe/scheduler/detail/run_queue.hpp>

namespace {

using namespace troupe;
using model::check;
using model::holds;
using model::together;

/// A ring whose slots, which come last in it, one thread at a time may use.
template <std::uint32_t Capacity>
struct ring : detail::basic_run_queue<Capacity> {
  ring() {
    constexpr std::size_t indices = cache_line + sizeof(atomic<std::uint32_t>);
    model::expect_ordered(reinterpret_cast<const char*>(this) + indices, sizeof *this - indices);
  }
};

struct counted final : job {
  void run() noexcept override {}
  model::plain<int> pushed{0};
  model::plain<int> taken{0};
};

/// Whoever takes a job sees what the owner did before it pushed it, and is the only one.
bool take(job* j) {
  if (!j) return false;
  auto& c = static_cast<counted&>(*j);
  check(c.pushed.get() == 1, "a job that was not pushed");
  c.taken.set(c.taken.get() + 1);
  return true;
}

template <class Ring>
void drain(Ring& q) {
  while (take(q.pop())) {
  }
}

/// As a worker does: what the ring has no room for goes elsewhere.
template <class Ring>
void push(Ring& q, counted& j) {
  j.pushed.set(1);
  if (q.push(j)) return;
  q.overflow([](job& old) { take(&old); });
  if (!q.push(j)) take(&j);
}

template <class Jobs>
void check_all_taken_once(Jobs& jobs) {
  for (auto& j : jobs) check(j.taken.get() == 1, "a job was lost or taken twice");
}

template <class Ring>
void steal(Ring& from) {
  Ring mine;
  take(from.steal_into(mine));
  drain(mine);
}

TEST(RunQueueModel, owner_and_thief_take_each_job_once) {
  EXPECT_TRUE(holds(
      [] {
        ring<4> q;
        std::array<counted, 4> jobs;
        together({{"owner",
                   [&] {
                     for (auto& j : jobs) push(q, j);
                     drain(q);
                   }},
                  {"thief", [&] { steal(q); }}});
        drain(q);
        check_all_taken_once(jobs);
      },
      {.preemptions = 3}));
}

TEST(RunQueueModel, two_thieves_and_an_owner_whose_ring_overflows_take_each_job_once) {
  EXPECT_TRUE(holds([] {
    ring<2> q;
    std::array<counted, 4> jobs;
    together({{"owner",
               [&] {
                 for (auto& j : jobs) push(q, j);
               }},
              {"thief", [&] { steal(q); }},
              {"another", [&] { steal(q); }}});
    drain(q);
    check_all_taken_once(jobs);
  }));
}

TEST(RunQueueModel, slots_that_a_thief_still_copies_are_not_overwritten_when_indices_wrap) {
  EXPECT_TRUE(holds(
      [] {
        ring<2> q;
        std::array<counted, 5> jobs;
        together({{"owner",
                   [&] {
                     for (auto& j : jobs) {
                       push(q, j);
                       take(q.pop());
                     }
                   }},
                  {"thief", [&] { steal(q); }}});
        drain(q);
        check_all_taken_once(jobs);
      },
      {.preemptions = 3}));
}

TEST(RunQueueModel, a_thief_that_is_robbed_itself_loses_nothing) {
  EXPECT_TRUE(holds([] {
    ring<4> first;
    ring<4> second;
    std::array<counted, 3> jobs;
    for (auto& j : jobs) push(first, j);
    together({{"owner", [&] { take(first.pop()); }},
              {"thief",
               [&] {
                 take(first.steal_into(second));
                 take(second.pop());
               }},
              {"third", [&] { steal(second); }}});
    drain(first);
    drain(second);
    check_all_taken_once(jobs);
  }));
}

TEST(RunQueueModel, an_owner_steals_into_a_ring_that_others_still_copy_from) {
  EXPECT_TRUE(holds(
      [] {
        ring<2> first;
        ring<2> second;
        std::array<counted, 4> jobs;
        for (std::size_t i = 0; i != 2; ++i) push(second, jobs[i]);
        for (std::size_t i = 2; i != 4; ++i) push(first, jobs[i]);
        together({{"owner",
                   [&] {
                     drain(second);
                     take(first.steal_into(second));
                     drain(second);
                   }},
                  {"thief", [&] { steal(second); }}});
        drain(first);
        drain(second);
        check_all_taken_once(jobs);
      },
      {.preemptions = 3}));
}

}  // namespace
