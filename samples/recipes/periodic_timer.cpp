// A timer that ticks without drift, and two green threads that wait for each of its ticks.
// Python Cookbook 12.2: a PeriodicTimer on threading.Condition.

#include <chrono>
#include <iostream>

#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/event.hpp>

using namespace std::chrono_literals;

namespace {

class periodic_timer {
public:
  periodic_timer(troupe::runtime& rt, std::chrono::nanoseconds period)
      : beat_(rt.call_every(period, [this] {
          tick_.set();  // for all who wait now
          tick_.clear();
        })) {}
  ~periodic_timer() { beat_.cancel(); }
  periodic_timer(const periodic_timer&) = delete;
  periodic_timer& operator=(const periodic_timer&) = delete;

  auto wait_for_tick() { return tick_.wait(); }

private:
  troupe::event tick_;
  troupe::timer_handle beat_;
};

troupe::task<> count_down(periodic_timer& timer, int ticks) {
  for (; ticks > 0; --ticks) {
    co_await timer.wait_for_tick();
    std::cout << "T-minus " << ticks << '\n';
  }
}

troupe::task<> count_up(periodic_timer& timer, int last) {
  for (int n = 0; n < last; ++n) {
    co_await timer.wait_for_tick();
    std::cout << "counting " << n << '\n';
  }
}

}  // namespace

int main() {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});  // one after the other: lines do not mix
  periodic_timer timer(rt, 5ms);
  auto down = rt.spawn(count_down, std::ref(timer), 5);
  auto up = rt.spawn(count_up, std::ref(timer), 5);
  rt.run_until(std::move(down)).value();
  rt.run_until(std::move(up)).value();
}
