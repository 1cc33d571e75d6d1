#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <concurrentqueue/concurrentqueue.h>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/detail/watchdog.hpp>
#include <troupe/scheduler/parker.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe {

/// What the threads of a work-stealing pool share; its invariants stand in work_stealing_pool.cpp.
struct work_stealing_pool::state {
  pool_options options;
  std::vector<std::unique_ptr<worker>> workers;  // I7
  std::vector<std::thread> threads;              // the housekeeper's first, then the workers'
  std::shared_ptr<void> keep_alive;

  moodycamel::ConcurrentQueue<job*> injection;
  alignas(cache_line) atomic<std::size_t> injected{0};  // I1
  atomic<job*> lone{nullptr};                           // I10

  alignas(cache_line) atomic<unsigned> searching{0};  // I4: workers that look for work
  atomic<unsigned> sleeping{0};                       // I2: workers on the list of sleepers
  std::mutex idle_mutex;
  std::vector<worker*> sleepers;        // under idle_mutex
  atomic<unsigned> started{0};          // I7; written under idle_mutex
  atomic<unsigned> active{0};           // I7; written under idle_mutex
  std::vector<worker*> reserve;         // I7; under idle_mutex
  atomic<unsigned> surplus{0};          // I7; written under idle_mutex
  std::condition_variable became_idle;  // all sleep, or a thread has ended
  unsigned quiescence_waiters = 0;      // under idle_mutex
  unsigned ended = 0;                   // threads that have ended; under idle_mutex
  bool left_behind = false;             // `stop` has given up waiting for them; under idle_mutex

  atomic<worker*> timekeeper{nullptr};  // I5: the worker that parks until the next deadline

  parker housekeeper;
  atomic<bool> housekeeper_sleeps{false};  // I6
  std::unique_ptr<detail::watchdog> watchdog;
  atomic<bool> stopping{false};
  atomic<bool> ended_for_good{false};  // no thread is left: what comes now is nobody's
};

namespace detail {

inline constexpr std::int64_t tick_ns = 10'000'000;  // the housekeeper's epoch

}  // namespace detail
}  // namespace troupe
