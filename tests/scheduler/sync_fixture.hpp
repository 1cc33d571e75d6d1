#pragma once

#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

/// A pool of two workers, and what the tests of synchronisation do with it.
class Synchronisation : public testing::Test {
protected:
  ~Synchronisation() override {
    pool->stop(troupe::timers::never);
    troupe::check_lock_order(order_was_checked);
  }

  troupe::scheduler& home() { return *pool; }

  void kill_all() {
    home().strands().for_each([](troupe::strand& s) { s.request_kill(); });
  }

  /// True if `f` throws a `troupe_error` with this code.
  template <class F>
  static bool throws(troupe::errc code, F f) {
    try {
      f();
    } catch (const troupe::troupe_error& e) {
      return e.code() == code;
    }
    return false;
  }

  const bool order_was_checked = troupe::detail::lock_order_checked.load(troupe::relaxed);
  std::shared_ptr<troupe::work_stealing_pool> pool = troupe::work_stealing_pool::start({.workers = 2, .name = "sync"});
};
