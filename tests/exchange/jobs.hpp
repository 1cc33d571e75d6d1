#pragma once

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>
#include <string_view>
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
