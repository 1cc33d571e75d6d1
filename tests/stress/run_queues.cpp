#include <troupe/scheduler/detail/run_queue.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "stress.hpp"

// Where jobs stand: the ring of a worker with its owner and thieves, and the way into a pool from outside. Jobs are
// used again once they have been taken, as many as fit into a brake's window.

namespace stress {

namespace {

using troupe::detail::run_queue;

/// Jobs in a circle, each free or on its way.
template <class Job>
class circle {
public:
  explicit circle(std::size_t size) : jobs_(size) {}

  /// The job for the item of this number, or null if it is still on its way with an earlier one.
  Job* free_for(std::uint64_t number) noexcept {
    Job& j = jobs_[number % jobs_.size()];
    return j.free.load(std::memory_order_acquire) ? &j : nullptr;  // pairs with the release of who has taken it
  }

private:
  std::vector<Job> jobs_;
};

struct numbered : troupe::job {
  void run() noexcept override {}

  /// Called by whoever has taken it.
  std::uint64_t take() noexcept {
    const std::uint64_t number = item;
    free.store(true, std::memory_order_release);
    return number;
  }

  std::uint64_t item = 0;  // plain: the queue orders it
  std::atomic<bool> free{true};
};

std::uint64_t taken(troupe::job* j) noexcept { return static_cast<numbered*>(j)->take(); }

/// A thief runs the last of what it steals first; in the order of the ring that one comes behind the others.
void empty_into(run_queue& mine, troupe::job* stolen, tally& t) noexcept {
  if (!stolen) return;
  while (troupe::job* j = mine.pop()) t.add(taken(j));
  t.add(taken(stolen));
}

std::string through_ring(std::uint64_t items) {
  constexpr std::size_t thieves = parties - 1;
  run_queue ring;
  circle<numbered> jobs(8 * run_queue::capacity);
  brake b;
  std::vector<tally> tallies(parties, tally(b));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i != thieves; ++i) {
    threads.emplace_back([&, i] {
      run_queue mine;
      while (!stop.load(std::memory_order_relaxed)) {
        troupe::job* stolen = ring.steal_into(mine);
        empty_into(mine, stolen, tallies[i]);
        if (!stolen) std::this_thread::yield();
      }
    });
  }
  tally& own = tallies[thieves];
  for (std::uint64_t n = 1; n <= items;) {
    numbered* j = jobs.free_for(n);
    if (j) {
      j->item = item_of(0, n);
      j->free.store(false, std::memory_order_relaxed);
      if (ring.push(*j)) {
        // The owner takes one for each that it puts in, but leaves every second ring full to the thieves.
        if (++n / run_queue::capacity % 2 == 0) continue;
      } else {
        j->free.store(true, std::memory_order_relaxed);
      }
    }
    if (troupe::job* taken_back = ring.pop())
      own.add(taken(taken_back));
    else if (!j)
      std::this_thread::yield();
  }
  while (troupe::job* j = ring.pop()) own.add(taken(j));
  stop = true;
  for (auto& t : threads) t.join();
  verdict v;
  for (const tally& t : tallies) v.add(t, true);
  return v.of(1, items);
}

/// Adds itself to the tally of the worker that runs it.
struct injected final : numbered {
  void run() noexcept override { (*tallies)[troupe::current_worker()->index()].add(take()); }

  std::vector<tally>* tallies = nullptr;
};

std::string through_injection(std::uint64_t items) {
  const std::uint64_t each = items / parties;
  auto pool = troupe::work_stealing_pool::start({.workers = 2, .name = "stress"});
  brake b;
  std::vector<tally> tallies(pool->capacity(), tally(b));
  std::vector<circle<injected>> jobs;
  for (std::size_t i = 0; i != parties; ++i) jobs.emplace_back(4'096);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i != parties; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint64_t n = 1; n <= each; ++n) {
        injected* j = nullptr;
        while (!(j = jobs[i].free_for(n))) std::this_thread::yield();
        j->item = item_of(i, n);
        j->tallies = &tallies;
        j->free.store(false, std::memory_order_relaxed);
        pool->schedule(*j);
      }
    });
  }
  for (auto& t : threads) t.join();
  pool->wait_quiescent(troupe::timers::never);
  pool->stop(troupe::timers::never);
  verdict v;
  for (const tally& t : tallies) v.add(t, false);
  return v.of(parties, each);
}

constexpr queue all[] = {
    {"ring", 1, "the ring of a worker: its owner and three thieves", through_ring},
    {"injection", 1, "jobs from four OS threads to a pool of two workers", through_injection},
};

}  // namespace

std::span<const queue> run_queues() { return all; }

}  // namespace stress
