// Two threads that name two locks in opposite orders never wait for each other, as lock_all takes them in one order.
// Whoever takes them one by one against an order seen before is reported, even if nothing happened this time.
// Python: the context manager `acquire` that sorts locks by id (Python Cookbook, 12.5).

#include <iostream>
#include <thread>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/lock_all.hpp>
#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/mutex.hpp>

namespace {

// The order is that of their addresses, so that of their declarations.
struct accounts {
  troupe::mutex checking{"checking account"};
  troupe::mutex savings{"savings account"};
};

constexpr int rounds = 1'000;

void transfer(troupe::mutex& from, troupe::mutex& to, long& moved) {
  for (int i = 0; i != rounds; ++i) {
    auto both = troupe::lock_all(from, to).get();
    ++moved;
  }
}

}  // namespace

int main() {
  troupe::set_log_sink([](std::string_view line) noexcept { std::cout << line << '\n'; });
  troupe::check_lock_order(true);
  accounts a;

  long moved = 0;  // only changed with both locks held
  std::thread there(transfer, std::ref(a.checking), std::ref(a.savings), std::ref(moved));
  std::thread back(transfer, std::ref(a.savings), std::ref(a.checking), std::ref(moved));
  there.join();
  back.join();
  std::cout << moved << " transfers without a deadlock\n";

  {
    auto first = a.savings.scoped().get();
    auto second = a.checking.scoped().get();
  }
  std::cout << "violations: " << troupe::lock_order_violations().size() << '\n';
}
