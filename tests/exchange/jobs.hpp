#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/base/log.hpp>
#include <troupe/troupe.hpp>

#include "../common.hpp"

/// What tests of those who share messages have in common.
namespace tests {

struct job {
  int number = 0;
};

/// Writes down what it gets.
class worker : public troupe::actor {
public:
  explicit worker(std::vector<int>& seen) : seen_(&seen) {}
  void on(const job& j) { seen_->push_back(j.number); }

private:
  std::vector<int>* seen_;
};

/// Throws at some job, as often as it is told.
class clumsy : public troupe::actor {
public:
  clumsy(std::vector<int>& seen, int at) : seen_(&seen), at_(at) {}
  void on(const job& j) {
    if (j.number == at_) throw std::runtime_error("dropped it");
    seen_->push_back(j.number);
  }

private:
  std::vector<int>* seen_;
  int at_;
};

/// Keeps what it is to answer for.
class keeper : public troupe::actor {
public:
  explicit keeper(std::vector<troupe::delivery<job>>& kept) : kept_(&kept) {}
  void on(troupe::delivery<job> d) { kept_->push_back(std::move(d)); }

private:
  std::vector<troupe::delivery<job>>* kept_;
};

/// Wants none of what it gets.
class rejecter : public troupe::actor {
public:
  void on(troupe::delivery<job> d) { (void)d.nack(troupe::requeue::no); }
};

using dead = troupe::dead_lettered<job>;

/// Writes down dead letters.
class undertaker : public troupe::actor {
public:
  explicit undertaker(std::vector<dead>& seen) : seen_(&seen) {}
  void on(const dead& d) { seen_->push_back(d); }

private:
  std::vector<dead>* seen_;
};

/// Of a runtime whose time passes when nothing else is to be done.
inline troupe::runtime_options virtual_time() { return {.seed = 7}; }

inline void pass(troupe::runtime& rt, std::chrono::nanoseconds time) {
  rt.run_until([](std::chrono::nanoseconds t) -> troupe::task<> { co_await troupe::this_task::sleep_for(t); }, time)
      .value();
}

inline troupe::runtime_options one_thread() { return {.scheduling = troupe::schedule::round_robin}; }

inline std::vector<int> up_to(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

struct quiet_log {
  quiet_log() {
    troupe::set_log_sink([](std::string_view) noexcept {});
  }
  quiet_log(const quiet_log&) = delete;
  quiet_log& operator=(const quiet_log&) = delete;
  ~quiet_log() { troupe::set_log_sink(nullptr); }
};

}  // namespace tests
