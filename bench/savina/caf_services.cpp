// The barber, the smokers and the bank of Savina, for CAF.

#include "benches.hpp"
#include "caf_setup.hpp"
#include "work.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

using room_atom = caf::atom_constant<caf::atom("room")>;
using enter_atom = caf::atom_constant<caf::atom("enter")>;
using returned_atom = caf::atom_constant<caf::atom("returned")>;
using next_atom = caf::atom_constant<caf::atom("next")>;
using full_atom = caf::atom_constant<caf::atom("full")>;
using wait_atom = caf::atom_constant<caf::atom("wait")>;
using begins_atom = caf::atom_constant<caf::atom("begins")>;
using done_atom = caf::atom_constant<caf::atom("done")>;
using smoke_atom = caf::atom_constant<caf::atom("smoke")>;
using smoking_atom = caf::atom_constant<caf::atom("smoking")>;
using debit_atom = caf::atom_constant<caf::atom("debit")>;
using credit_atom = caf::atom_constant<caf::atom("credit")>;
using balance_atom = caf::atom_constant<caf::atom("balance")>;

// sleeping_barber: customers wait in a room with few chairs, and come again where it is full.

struct barber_shop {
  completion done;
  std::uint64_t returns = 0;
};

class barber : public caf::event_based_actor {
public:
  explicit barber(caf::actor_config& cfg) : event_based_actor(cfg) {}

  caf::behavior make_behavior() override {
    return {
        [this](enter_atom, const caf::actor& who) {
          send(who, begins_atom::value);
          busy_wait(numbers_.below(barber_work) + 10);
          send(who, done_atom::value);
          send(room_, next_atom::value);
        },
        [](wait_atom) {},
        [this](room_atom, const caf::actor& room) { room_ = room; },
    };
  }
  void on_exit() override { destroy(room_); }

private:
  caf::actor room_;
  random_numbers numbers_{1};
};

class waiting_room : public caf::event_based_actor {
public:
  waiting_room(caf::actor_config& cfg, caf::actor cutter) : event_based_actor(cfg), barber_(std::move(cutter)) {}

  caf::behavior make_behavior() override {
    send(barber_, room_atom::value, caf::actor(this));
    return {
        [this](enter_atom, const caf::actor& who) {
          if (waiting_.size() == barber_chairs) {
            send(who, full_atom::value);
            return;
          }
          waiting_.push_back(who);
          if (asleep_) {
            asleep_ = false;
            send(this, next_atom::value);
          } else {
            send(who, wait_atom::value);
          }
        },
        [this](next_atom) {
          if (waiting_.empty()) {
            send(barber_, wait_atom::value);
            asleep_ = true;
          } else {
            send(barber_, enter_atom::value, std::move(waiting_.front()));
            waiting_.pop_front();
          }
        },
    };
  }

private:
  caf::actor barber_;
  std::deque<caf::actor> waiting_;
  bool asleep_ = true;
};

class customer : public caf::event_based_actor {
public:
  customer(caf::actor_config& cfg, caf::actor factory) : event_based_actor(cfg), factory_(std::move(factory)) {}

  caf::behavior make_behavior() override {
    return {
        [this](full_atom) { send(factory_, returned_atom::value, caf::actor(this)); },
        [](wait_atom) {},
        [](begins_atom) {},
        [this](done_atom) {
          send(factory_, done_atom::value);
          quit();
        },
    };
  }

private:
  caf::actor factory_;
};

class customer_factory : public caf::event_based_actor {
public:
  customer_factory(caf::actor_config& cfg, caf::actor room, barber_shop* shop)
      : event_based_actor(cfg), room_(std::move(room)), shop_(shop) {}

  caf::behavior make_behavior() override {
    return {
        [this](returned_atom, const caf::actor& who) {
          ++returns_;
          send(room_, enter_atom::value, who);
        },
        [this](done_atom) {
          if (++haircuts_ == expected_) {
            shop_->returns = std::exchange(returns_, 0);
            haircuts_ = 0;
            shop_->done.arrive();
          }
        },
        [this](start_atom, std::uint64_t n) {
          expected_ = n;
          for (std::uint64_t i = 0; i < n; ++i) {
            send(room_, enter_atom::value, caf::actor(spawn<customer>(caf::actor(this))));
            busy_wait(numbers_.below(barber_work) + 10);
          }
        },
    };
  }

private:
  caf::actor room_;
  barber_shop* shop_;
  random_numbers numbers_{2};
  std::uint64_t expected_ = 0;
  std::uint64_t haircuts_ = 0;
  std::uint64_t returns_ = 0;
};

bool sleeping_barber(const options& opts) {
  barber_shop shop;
  system_under_test sys(opts);
  auto factory = sys.spawn<customer_factory>(sys.spawn<waiting_room>(sys.spawn<barber>()), &shop);
  auto n = opts.scaled(barber_haircuts);
  bool ok = measure_time("ns/haircut", shop.done, 1, n, 1, 1,
                         [&](std::uint64_t m) { caf::anon_send(factory, start_atom::value, m); });
  return print_metric("returns", "returns/haircut", static_cast<double>(shop.returns) / static_cast<double>(n), ok);
}

// cigarette_smokers: an arbiter lets one smoker after another begin.

class smoker : public caf::event_based_actor {
public:
  smoker(caf::actor_config& cfg, caf::actor table) : event_based_actor(cfg), arbiter_(std::move(table)) {}

  caf::behavior make_behavior() override {
    return {
        [this](smoke_atom, std::uint64_t work) {
          send(arbiter_, smoking_atom::value);
          busy_wait(work);
        },
    };
  }

private:
  caf::actor arbiter_;
};

class arbiter : public caf::event_based_actor {
public:
  arbiter(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](smoking_atom) {
          if (--left_ == 0) {
            done_->arrive();
          } else {
            notify_one();
          }
        },
        [this](start_atom, std::uint64_t n) {
          left_ = n;
          notify_one();
        },
        [this](std::vector<caf::actor>& all) { smokers_ = std::move(all); },
    };
  }
  void on_exit() override { smokers_.clear(); }

private:
  void notify_one() {
    auto who = numbers_.below(smokers);
    send(smokers_[who], smoke_atom::value, numbers_.below(smoker_work) + 10);
  }

  completion* done_;
  random_numbers numbers_{3};
  std::vector<caf::actor> smokers_;
  std::uint64_t left_ = 0;
};

bool cigarette_smokers(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto table = sys.spawn<arbiter>(&done);
  std::vector<caf::actor> all;
  for (std::uint64_t i = 0; i < smokers; ++i) {
    all.push_back(sys.spawn<smoker>(table));
  }
  caf::anon_send(table, all);
  return measure_time("ns/round", done, 1, opts.scaled(smoker_rounds), 1, 1,
                      [&](std::uint64_t n) { caf::anon_send(table, start_atom::value, n); });
}

// banking: a teller orders transfers; the account that pays asks the other and takes nothing else until it answers.

class account : public caf::event_based_actor {
public:
  account(caf::actor_config& cfg, caf::actor orders) : event_based_actor(cfg), teller_(std::move(orders)) {}

  caf::behavior make_behavior() override {
    return {
        [this](debit_atom, std::int64_t amount) {
          balance_ += amount;
          return amount;
        },
        [this](credit_atom, std::int64_t amount, const caf::actor& to) {
          balance_ -= amount;
          request(to, caf::infinite, debit_atom::value, amount).await([this, amount](std::int64_t answer) {
            send(teller_, answer == amount);
          });
        },
        [this](balance_atom) { send(teller_, balance_); },
    };
  }

private:
  caf::actor teller_;
  std::int64_t balance_ = bank_balance;
};

class teller : public caf::event_based_actor {
public:
  teller(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](bool ok) {
          ok_ = ok && ok_;
          if (--left_ == 0) {
            sum_ = 0;
            reports_ = 0;
            for (const auto& one : accounts_) {
              send(one, balance_atom::value);
            }
          }
        },
        [this](std::int64_t balance) {
          sum_ += balance;
          if (++reports_ == bank_accounts) {
            done_->arrive(ok_ && sum_ == bank_balance * static_cast<std::int64_t>(bank_accounts));
          }
        },
        [this](start_atom, std::uint64_t n) {
          left_ = n;
          for (std::uint64_t i = 0; i < n; ++i) {
            // From a lower account to a higher one, so that no two wait for each other.
            auto from = numbers_.below(bank_accounts / 10 * 8);
            auto to = from + 1 + numbers_.below(bank_accounts - from - 1);
            send(accounts_[from], credit_atom::value, static_cast<std::int64_t>(numbers_.below(1'000)), accounts_[to]);
          }
        },
        [this](std::vector<caf::actor>& all) { accounts_ = std::move(all); },
    };
  }
  void on_exit() override { accounts_.clear(); }

private:
  completion* done_;
  random_numbers numbers_{4};
  std::vector<caf::actor> accounts_;
  std::uint64_t left_ = 0;
  std::uint64_t reports_ = 0;
  std::int64_t sum_ = 0;
  bool ok_ = true;
};

bool banking(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto orders = sys.spawn<teller>(&done);
  std::vector<caf::actor> all;
  for (std::uint64_t i = 0; i < bank_accounts; ++i) {
    all.push_back(sys.spawn<account>(orders));
  }
  caf::anon_send(orders, all);
  return measure_time("ns/transfer", done, 1, opts.scaled(bank_transactions), 1, 1,
                      [&](std::uint64_t n) { caf::anon_send(orders, start_atom::value, n); });
}

constexpr std::array<entry, 3> entries{{
    {"sleeping_barber", sleeping_barber},
    {"cigarette_smokers", cigarette_smokers},
    {"banking", banking},
}};

}  // namespace

std::span<const entry> services() { return entries; }

}  // namespace bench::savina
