// Who subscribes late first gets what the exchange has kept, and then what is published: without a gap between the two,
// and nothing twice. What is kept is the exchange's choice, and where one begins in it is the subscriber's.

#include <iostream>
#include <string>

#include <troupe/troupe.hpp>

namespace {

struct quote {
  std::string symbol;
  int price = 0;
};

/// What `retain::last_value` keeps the newest of.
std::string key_of(const quote& q) { return q.symbol; }

class reader : public troupe::actor {
public:
  void on(const quote& q) { std::cout << name() << ": " << q.symbol << ' ' << q.price << '\n'; }
  void on(troupe::lagged missed) { std::cout << name() << ": " << missed.count << " are kept no more\n"; }
};

}  // namespace

int main() {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<quote> tape(rt, "tape", troupe::fanout{}, {.retention = troupe::retain::last(3)});
  troupe::exchange<quote> board(rt, "board", troupe::fanout{}, {.retention = troupe::retain::last_value()});
  const auto link = tape.attach(board);

  tape.publish({"ACME", 10});
  tape.publish({"Initech", 20});
  tape.publish({"ACME", 11});
  tape.publish({"Initech", 21});
  tape.publish({"ACME", 12});

  // Nobody was there. Each `run` lets everything arrive, so that one is printed after the other.
  const auto attach = [&](troupe::exchange<quote>& to, const std::string& name, troupe::start_at where) {
    auto s = to.attach(rt.spawn_named<reader>(name), {.start = where});
    rt.run();
    return s;
  };
  const auto newcomer = attach(tape, "newcomer", troupe::start_at::latest());
  const auto historian = attach(tape, "historian", troupe::start_at::earliest());
  const auto returning = attach(tape, "returning", troupe::start_at::offset(1));  // the second; it is gone
  const auto display = attach(board, "display", troupe::start_at::earliest());

  std::cout << "live\n";
  tape.publish({"Initech", 22});
  rt.run();
}
