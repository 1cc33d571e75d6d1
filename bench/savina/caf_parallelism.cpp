// The parallelism benchmarks of Savina, for CAF: actors that divide a computation.

#include "benches.hpp"
#include "caf_setup.hpp"
#include "computations.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

struct board {
  queens placed;
  unsigned size;
};

}  // namespace

}  // namespace bench::savina

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::savina::board)

namespace bench::savina {

namespace {

// trapezoid: workers integrate a part each.

class trapezoid_worker : public caf::event_based_actor {
public:
  trapezoid_worker(caf::actor_config& cfg, caf::actor master) : event_based_actor(cfg), master_(std::move(master)) {}

  caf::behavior make_behavior() override {
    return {
        [this](double left, std::uint64_t pieces, double width) { send(master_, integrate(left, pieces, width)); },
    };
  }

private:
  caf::actor master_;
};

class trapezoid_master : public caf::event_based_actor {
public:
  trapezoid_master(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](double integral) {
          sum_ += integral;
          if (--left_ == 0) {
            done_->arrive(integral_is(sum_, pieces_));
          }
        },
        [this](start_atom, std::uint64_t n) {
          pieces_ = n;
          left_ = trapezoid_workers;
          sum_ = 0;
          auto share = n / trapezoid_workers;
          double width = (trapezoid_right - trapezoid_left) / static_cast<double>(n);
          for (std::uint64_t i = 0; i < trapezoid_workers; ++i) {
            send(workers_[i], trapezoid_left + static_cast<double>(i * share) * width, share, width);
          }
        },
        [this](std::vector<caf::actor>& all) { workers_ = std::move(all); },
    };
  }
  void on_exit() override { workers_.clear(); }

private:
  completion* done_;
  std::vector<caf::actor> workers_;
  std::uint64_t pieces_ = 0;
  std::uint64_t left_ = 0;
  double sum_ = 0;
};

bool trapezoid(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto master = sys.spawn<trapezoid_master>(&done);
  std::vector<caf::actor> workers;
  for (std::uint64_t i = 0; i < trapezoid_workers; ++i) {
    workers.push_back(sys.spawn<trapezoid_worker>(master));
  }
  caf::anon_send(master, workers);
  return measure_time("ns/piece", done, 1, opts.scaled(trapezoid_pieces, trapezoid_workers), trapezoid_workers, 1,
                      [&](std::uint64_t n) { caf::anon_send(master, start_atom::value, n); });
}

// n_queens: a master hands boards to workers, which place one queen more, or all that are missing.

using solution_atom = caf::atom_constant<caf::atom("solution")>;
using done_atom = caf::atom_constant<caf::atom("done")>;

class queens_worker : public caf::event_based_actor {
public:
  queens_worker(caf::actor_config& cfg, caf::actor master) : event_based_actor(cfg), master_(std::move(master)) {}

  caf::behavior make_behavior() override {
    return {
        [this](const board& each) {
          if (each.placed.count >= queens_threshold) {
            solve_queens(each.placed, each.size, [this] { found(); });
          } else {
            place_queen(each.placed, each.size, [&](const queens& next) { send(master_, board{next, each.size}); });
          }
          send(master_, done_atom::value);
        },
    };
  }

private:
  // Not in the loop that places the queens, which each system compiles alike.
  [[gnu::noinline]] void found() { send(master_, solution_atom::value); }

  caf::actor master_;
};

class queens_master : public caf::event_based_actor {
public:
  queens_master(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](const board& each) { hand_out(each); },
        [this](solution_atom) { ++solutions_; },
        [this](done_atom) {
          if (--open_ == 0) {
            done_->arrive(solutions_ == queens_solutions[size_]);
          }
        },
        [this](start_atom, std::uint64_t n) {
          size_ = static_cast<unsigned>(n);
          solutions_ = 0;
          hand_out(board{queens{}, size_});
        },
        [this](std::vector<caf::actor>& all) { workers_ = std::move(all); },
    };
  }
  void on_exit() override { workers_.clear(); }

private:
  void hand_out(const board& each) {
    ++open_;
    send(workers_[next_], each);
    next_ = (next_ + 1) % queens_workers;
  }

  completion* done_;
  std::vector<caf::actor> workers_;
  std::size_t next_ = 0;
  unsigned size_ = 0;
  std::uint64_t open_ = 0;
  std::uint64_t solutions_ = 0;
};

bool n_queens(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto master = sys.spawn<queens_master>(&done);
  std::vector<caf::actor> workers;
  for (std::uint64_t i = 0; i < queens_workers; ++i) {
    workers.push_back(sys.spawn<queens_worker>(master));
  }
  caf::anon_send(master, workers);
  auto size = queens_size(opts);
  return measure_size("ns/solution", done, size - 1, size, static_cast<double>(queens_solutions[size]),
                      [&](std::uint64_t n) { caf::anon_send(master, start_atom::value, n); });
}

// quicksort: an actor splits its numbers and makes one actor for the lesser and one for the greater.

struct sort_round {
  completion done;
  numbers input;
  std::uint64_t count = 0;
};

class sorter : public caf::event_based_actor {
public:
  sorter(caf::actor_config& cfg, caf::actor parent, bool less, sort_round* round)
      : event_based_actor(cfg), parent_(std::move(parent)), less_(less), round_(round) {}

  caf::behavior make_behavior() override {
    return {
        [this](const numbers& all) {
          if (all.size() < sort_threshold) {
            result_ = quicksort(all);
            finish();
            return;
          }
          auto cut = split(all);
          send(spawn<sorter>(caf::actor(this), true, round_), std::move(cut.less));
          send(spawn<sorter>(caf::actor(this), false, round_), std::move(cut.greater));
          result_ = std::move(cut.equal);
        },
        [this](numbers& data, bool less) {
          result_ = less ? joined(std::move(data), result_) : joined(std::move(result_), data);
          if (++received_ == 2) {
            finish();
          }
        },
    };
  }

private:
  void finish() {
    if (parent_) {
      send(parent_, std::move(result_), less_);
    } else {
      round_->done.arrive(is_sorted_from(result_, round_->input, round_->count));
    }
    quit();
  }

  caf::actor parent_;
  bool less_;
  sort_round* round_;
  numbers result_;
  unsigned received_ = 0;
};

bool sort(const options& opts) {
  sort_round round;
  system_under_test sys(opts);
  auto n = opts.scaled(sorted_numbers);
  round.input = unsorted(n);
  return measure_time("ns/number", round.done, 1, n, 1, 1, [&](std::uint64_t count) {
    round.count = count;
    numbers data(round.input.begin(), round.input.begin() + static_cast<std::ptrdiff_t>(count));
    caf::anon_send(sys->spawn<sorter>(caf::actor(), false, &round), std::move(data));
  });
}

constexpr std::array<entry, 3> entries{{
    {"trapezoid", trapezoid},
    {"n_queens", n_queens},
    {"quicksort", sort},
}};

}  // namespace

std::span<const entry> parallelism() { return entries; }

}  // namespace bench::savina
