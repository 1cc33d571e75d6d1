// Five philosophers, five forks. Each takes the left fork and then waits for the right one: the wait that closes the
// circle ends with `deadlock`, and whoever is told puts the fork back, so that the others eat. With lock_all there is
// no circle in the first place.
// Python: threading.Lock, which would hang.

#include <array>
#include <iostream>

#include <troupe/scheduler/barrier.hpp>
#include <troupe/scheduler/lock_all.hpp>
#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/mutex.hpp>
#include <troupe/troupe.hpp>

namespace {

constexpr int seats = 5;

struct table {
  std::array<troupe::mutex, seats> forks{troupe::mutex("fork 1"), troupe::mutex("fork 2"), troupe::mutex("fork 3"),
                                         troupe::mutex("fork 4"), troupe::mutex("fork 5")};
  troupe::barrier all_have_one{seats};

  troupe::mutex& left(int seat) { return forks[seat]; }
  troupe::mutex& right(int seat) { return forks[(seat + 1) % seats]; }
};

troupe::task<bool> dine_one_by_one(table& t, int seat) {
  auto left = co_await t.left(seat).scoped();
  co_await t.all_have_one.arrive_and_wait();
  try {
    auto right = co_await t.right(seat).scoped();
    co_return true;
  } catch (const troupe::troupe_error& e) {
    std::cout << e.what() << '\n';
    co_return false;
  }
}

troupe::task<bool> dine_in_order(table& t, int seat) {
  for (int meal = 0; meal != 1'000; ++meal) {
    auto both = co_await troupe::lock_all(t.left(seat), t.right(seat));
    co_await troupe::this_task::yield();
  }
  co_return true;
}

void dinner(const char* name, troupe::task<bool> (*dine)(table&, int)) {
  troupe::runtime rt;
  table t;
  std::array<troupe::future<bool>, seats> guests;
  for (int seat = 0; seat != seats; ++seat) guests[seat] = rt.spawn([&t, dine](int s) { return dine(t, s); }, seat);
  int ate = 0;
  for (auto& guest : guests) ate += guest.get().value();
  std::cout << name << ": " << ate << " of " << seats << " ate\n";
}

}  // namespace

int main() {
  troupe::check_lock_order(false);  // where it is on, as in debug builds, it tells before the circle is closed
  dinner("one fork after the other", dine_one_by_one);
  dinner("both forks at once", dine_in_order);
}
