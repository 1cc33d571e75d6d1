// Ticks become windows, windows become averages by symbol, on another exchange.
//
// A stream is a chain of operators behind an exchange. `group_by` gives each symbol a chain of its own, `window`
// gathers its ticks, and `to` publishes what comes out, so that others subscribe to averages as to any exchange. Each
// stream is one actor. Ends travel: when the last who publishes ticks has gone, what is left in the windows comes out,
// the exchange of averages ends, and so does whoever reads it. Time is virtual here: the minute passes at once.

#include <chrono>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include <troupe/exchange/stream.hpp>
#include <troupe/troupe.hpp>

namespace {

using namespace std::chrono_literals;
using troupe::from;

struct tick {
  std::string symbol;
  double price;
};
struct average {
  std::string symbol;
  double price;
  std::size_t ticks;
};

/// One tick a second for a minute; now and then one of another symbol.
troupe::task<> market(troupe::publisher<tick> ticks) {
  for (int second = 0; second != 60; ++second) {
    ticks.publish({"ACME", 10.0 + second % 4});
    if (second % 6 == 0) ticks.publish({"INIT", 100.0 + second});
    co_await troupe::this_task::sleep_for(1s);
  }
}

}  // namespace

int main() {
  troupe::runtime rt({.seed = 1});
  troupe::exchange<tick> ticks(rt, "ticks");
  troupe::exchange<average> averages(rt, "averages");

  auto averaging =
      from(ticks)
          .group_by(&tick::symbol,
                    [](const std::string& symbol, auto of_symbol) {
                      return of_symbol.map(&tick::price).window(19'500ms).map([symbol](const std::vector<double>& w) {
                        const double sum = std::accumulate(w.begin(), w.end(), 0.0);
                        return average{symbol, sum / static_cast<double>(w.size()), w.size()};
                      });
                    })
          .to(averages);
  auto printing = from(averages).subscribe(
      [](const average& a) { std::cout << a.symbol << ' ' << a.price << ", of " << a.ticks << " ticks\n"; },
      [] { std::cout << "the market has closed\n"; });

  auto open = rt.spawn(market, ticks.publisher());
  return printing.join() ? 0 : 1;
}
