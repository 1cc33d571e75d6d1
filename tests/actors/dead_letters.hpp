#pragma once

#include <chrono>
#include <stdexcept>
#include <vector>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/runtime.hpp>

#include "../contracts/support.hpp"

/// Who loses messages, and who is told of it: for the tests of dead letters here and of those that exchanges lose.
namespace losses {

using namespace std::chrono_literals;
using contracts::expect_conserved;
using troupe::dead_letter;

struct number {
  int value;
};
struct get_news {};

class coroner : public troupe::actor {
public:
  void on(const dead_letter& d) { news_.push_back(d); }
  std::vector<dead_letter> on(get_news) const { return news_; }

private:
  std::vector<dead_letter> news_;
};

class target : public troupe::actor {
public:
  void on(number n) {
    if (n.value < 0) throw std::runtime_error("negative");
  }
  void on(const contracts::barrier* until) { until->wait(); }
};

inline std::vector<dead_letter> news_of(troupe::runtime& rt, const troupe::ref<coroner>& c) {
  expect_conserved(rt);
  return c.ask(get_news{}, 30s).get().value();
}

}  // namespace losses
