// The barber, the smokers and the bank of Savina, for Troupe.

#include "benches.hpp"
#include "troupe_setup.hpp"
#include "work.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

// sleeping_barber: customers wait in a room with few chairs, and come again where it is full.

class customer;
class waiting_room;

struct enter {
  troupe::ref<customer> who;
};

struct returned {
  troupe::ref<customer> who;
};

struct next_customer {};
struct room_is_full {};
struct wait {};
struct haircut_begins {};
struct haircut_done {};

struct barber_shop {
  explicit barber_shop(const options& opts) : rt(configured(opts)) {}

  completion done;
  std::uint64_t returns = 0;
  troupe::runtime rt;  // last, so that no actor outlives the rest
};

class barber : public troupe::actor {
public:
  void on(const troupe::ref<waiting_room>& room) { room_ = room; }
  void on(const enter& each);
  void on(wait) {}

private:
  troupe::ref<waiting_room> room_;
  random_numbers numbers_{1};
};

class waiting_room : public troupe::actor {
public:
  explicit waiting_room(troupe::ref<barber> cutter) : barber_(std::move(cutter)) {}

  void on_start() { barber_.send(self(this)); }
  void on(const enter& each);
  void on(next_customer) {
    if (waiting_.empty()) {
      barber_.send(wait{});
      asleep_ = true;
    } else {
      barber_.send(enter{std::move(waiting_.front())});
      waiting_.pop_front();
    }
  }

private:
  troupe::ref<barber> barber_;
  std::deque<troupe::ref<customer>> waiting_;
  bool asleep_ = true;
};

class customer_factory : public troupe::actor {
public:
  customer_factory(troupe::ref<waiting_room> room, barber_shop* shop) : room_(std::move(room)), shop_(shop) {}

  void on(start round);
  void on(const returned& each) {
    ++returns_;
    room_.send(enter{each.who});
  }
  void on(haircut_done) {
    if (++haircuts_ == expected_) {
      shop_->returns = std::exchange(returns_, 0);
      haircuts_ = 0;
      shop_->done.arrive();
    }
  }

private:
  troupe::ref<waiting_room> room_;
  barber_shop* shop_;
  random_numbers numbers_{2};
  std::uint64_t expected_ = 0;
  std::uint64_t haircuts_ = 0;
  std::uint64_t returns_ = 0;
};

class customer : public troupe::actor {
public:
  explicit customer(troupe::ref<customer_factory> factory) : factory_(std::move(factory)) {}

  void on(room_is_full) { factory_.send(returned{self(this)}); }
  void on(wait) {}
  void on(haircut_begins) {}
  void on(haircut_done) {
    factory_.send(haircut_done{});
    close_self();
  }

private:
  troupe::ref<customer_factory> factory_;
};

void barber::on(const enter& each) {
  each.who.send(haircut_begins{});
  busy_wait(numbers_.below(barber_work) + 10);
  each.who.send(haircut_done{});
  room_.send(next_customer{});
}

void waiting_room::on(const enter& each) {
  if (waiting_.size() == barber_chairs) {
    each.who.send(room_is_full{});
    return;
  }
  waiting_.push_back(each.who);
  if (asleep_) {
    asleep_ = false;
    self(this).send(next_customer{});
  } else {
    each.who.send(wait{});
  }
}

void customer_factory::on(start round) {
  expected_ = round.n;
  for (std::uint64_t i = 0; i < round.n; ++i) {
    room_.send(enter{shop_->rt.spawn<customer>(self(this))});
    busy_wait(numbers_.below(barber_work) + 10);
  }
}

bool sleeping_barber(const options& opts) {
  barber_shop shop(opts);
  auto factory = shop.rt.spawn<customer_factory>(shop.rt.spawn<waiting_room>(shop.rt.spawn<barber>()), &shop);
  auto n = opts.scaled(barber_haircuts);
  bool ok = measure_time("ns/haircut", shop.done, 1, n, 1, 1, [&](std::uint64_t m) { factory.send(start{m}); });
  return print_metric("returns", "returns/haircut", static_cast<double>(shop.returns) / static_cast<double>(n), ok);
}

// cigarette_smokers: an arbiter lets one smoker after another begin.

class arbiter;

struct smoke {
  std::uint64_t work;
};

struct smoking {};

class smoker : public troupe::actor {
public:
  explicit smoker(troupe::ref<arbiter> table) : arbiter_(std::move(table)) {}

  void on(smoke each);

private:
  troupe::ref<arbiter> arbiter_;
};

class arbiter : public troupe::actor {
public:
  explicit arbiter(completion* rounds) : done_(rounds) {}

  void on(std::vector<troupe::ref<smoker>> all) { smokers_ = std::move(all); }
  void on(start round) {
    left_ = round.n;
    notify_one();
  }
  void on(smoking) {
    if (--left_ == 0) {
      done_->arrive();
    } else {
      notify_one();
    }
  }

private:
  void notify_one() {
    auto who = numbers_.below(smokers);
    smokers_[who].send(smoke{numbers_.below(smoker_work) + 10});
  }

  completion* done_;
  random_numbers numbers_{3};
  std::vector<troupe::ref<smoker>> smokers_;
  std::uint64_t left_ = 0;
};

void smoker::on(smoke each) {
  arbiter_.send(smoking{});
  busy_wait(each.work);
}

bool cigarette_smokers(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto table = rt.spawn<arbiter>(&done);
  std::vector<troupe::ref<smoker>> all;
  for (std::uint64_t i = 0; i < smokers; ++i) {
    all.push_back(rt.spawn<smoker>(table));
  }
  table.send(all);
  return measure_time("ns/round", done, 1, opts.scaled(smoker_rounds), 1, 1,
                      [&](std::uint64_t n) { table.send(start{n}); });
}

// banking: a teller orders transfers; the account that pays asks the other and takes nothing else until it answers.

class teller;

struct debit {
  std::int64_t amount;
};

class account;

struct credit {
  std::int64_t amount;
  troupe::ref<account> to;
};

struct transferred {
  bool ok;
};

struct report_balance {};

struct balance {
  std::int64_t value;
};

class account : public troupe::actor {
public:
  explicit account(troupe::ref<teller> orders) : teller_(std::move(orders)) {}

  std::int64_t on(debit each) {
    balance_ += each.amount;
    return each.amount;
  }
  troupe::task<> on(credit each);
  void on(report_balance);

private:
  troupe::ref<teller> teller_;
  std::int64_t balance_ = bank_balance;
};

class teller : public troupe::actor {
public:
  explicit teller(completion* rounds) : done_(rounds) {}

  void on(std::vector<troupe::ref<account>> all) { accounts_ = std::move(all); }
  void on(start round) {
    left_ = round.n;
    for (std::uint64_t i = 0; i < round.n; ++i) {
      // From a lower account to a higher one, so that no two wait for each other.
      auto from = numbers_.below(bank_accounts / 10 * 8);
      auto to = from + 1 + numbers_.below(bank_accounts - from - 1);
      accounts_[from].send(credit{static_cast<std::int64_t>(numbers_.below(1'000)), accounts_[to]});
    }
  }
  void on(transferred each) {
    ok_ = each.ok && ok_;
    if (--left_ == 0) {
      sum_ = 0;
      reports_ = 0;
      for (const auto& one : accounts_) {
        one.send(report_balance{});
      }
    }
  }
  void on(balance each) {
    sum_ += each.value;
    if (++reports_ == bank_accounts) {
      done_->arrive(ok_ && sum_ == bank_balance * static_cast<std::int64_t>(bank_accounts));
    }
  }

private:
  completion* done_;
  random_numbers numbers_{4};
  std::vector<troupe::ref<account>> accounts_;
  std::uint64_t left_ = 0;
  std::uint64_t reports_ = 0;
  std::int64_t sum_ = 0;
  bool ok_ = true;
};

troupe::task<> account::on(credit each) {
  balance_ -= each.amount;
  auto question = each.to.ask(debit{each.amount});
  auto answer = co_await question;
  teller_.send(transferred{answer && *answer == each.amount});
}

void account::on(report_balance) { teller_.send(balance{balance_}); }

bool banking(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto orders = rt.spawn<teller>(&done);
  std::vector<troupe::ref<account>> all;
  for (std::uint64_t i = 0; i < bank_accounts; ++i) {
    all.push_back(rt.spawn<account>(orders));
  }
  orders.send(all);
  return measure_time("ns/transfer", done, 1, opts.scaled(bank_transactions), 1, 1,
                      [&](std::uint64_t n) { orders.send(start{n}); });
}

constexpr std::array<entry, 3> entries{{
    {"sleeping_barber", sleeping_barber},
    {"cigarette_smokers", cigarette_smokers},
    {"banking", banking},
}};

}  // namespace

std::span<const entry> services() { return entries; }

}  // namespace bench::savina
