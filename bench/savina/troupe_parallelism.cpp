// The parallelism benchmarks of Savina, for Troupe: actors that divide a computation.

#include "benches.hpp"
#include "computations.hpp"
#include "troupe_setup.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

// trapezoid: workers integrate a part each.

class trapezoid_master;

struct part {
  double left;
  std::uint64_t pieces;
  double width;
};

struct integral {
  double value;
};

class trapezoid_worker : public troupe::actor {
public:
  explicit trapezoid_worker(troupe::ref<trapezoid_master> master) : master_(std::move(master)) {}

  void on(part each);

private:
  troupe::ref<trapezoid_master> master_;
};

class trapezoid_master : public troupe::actor {
public:
  explicit trapezoid_master(completion* rounds) : done_(rounds) {}

  void on(std::vector<troupe::ref<trapezoid_worker>> all) { workers_ = std::move(all); }
  void on(start round) {
    pieces_ = round.n;
    left_ = trapezoid_workers;
    sum_ = 0;
    auto share = round.n / trapezoid_workers;
    double width = (trapezoid_right - trapezoid_left) / static_cast<double>(round.n);
    for (std::uint64_t i = 0; i < trapezoid_workers; ++i) {
      workers_[i].send(part{trapezoid_left + static_cast<double>(i * share) * width, share, width});
    }
  }
  void on(integral each) {
    sum_ += each.value;
    if (--left_ == 0) {
      done_->arrive(integral_is(sum_, pieces_));
    }
  }

private:
  completion* done_;
  std::vector<troupe::ref<trapezoid_worker>> workers_;
  std::uint64_t pieces_ = 0;
  std::uint64_t left_ = 0;
  double sum_ = 0;
};

void trapezoid_worker::on(part each) { master_.send(integral{integrate(each.left, each.pieces, each.width)}); }

bool trapezoid(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto master = rt.spawn<trapezoid_master>(&done);
  std::vector<troupe::ref<trapezoid_worker>> workers;
  for (std::uint64_t i = 0; i < trapezoid_workers; ++i) {
    workers.push_back(rt.spawn<trapezoid_worker>(master));
  }
  master.send(workers);
  return measure_time("ns/piece", done, 1, opts.scaled(trapezoid_pieces, trapezoid_workers), trapezoid_workers, 1,
                      [&](std::uint64_t n) { master.send(start{n}); });
}

// n_queens: a master hands boards to workers, which place one queen more, or all that are missing.

class queens_master;

struct board {
  queens placed;
  unsigned size;
};

struct solution {};
struct board_done {};

class queens_worker : public troupe::actor {
public:
  explicit queens_worker(troupe::ref<queens_master> master) : master_(std::move(master)) {}

  void on(const board& each);

private:
  [[gnu::noinline]] void found();  // not in the loop that places the queens, which each system compiles alike

  troupe::ref<queens_master> master_;
};

class queens_master : public troupe::actor {
public:
  explicit queens_master(completion* rounds) : done_(rounds) {}

  void on(std::vector<troupe::ref<queens_worker>> all) { workers_ = std::move(all); }
  void on(start round) {
    size_ = static_cast<unsigned>(round.n);
    solutions_ = 0;
    hand_out(board{queens{}, size_});
  }
  void on(const board& each) { hand_out(each); }
  void on(solution) { ++solutions_; }
  void on(board_done) {
    if (--open_ == 0) {
      done_->arrive(solutions_ == queens_solutions[size_]);
    }
  }

private:
  void hand_out(const board& each) {
    ++open_;
    workers_[next_].send(each);
    next_ = (next_ + 1) % queens_workers;
  }

  completion* done_;
  std::vector<troupe::ref<queens_worker>> workers_;
  std::size_t next_ = 0;
  unsigned size_ = 0;
  std::uint64_t open_ = 0;
  std::uint64_t solutions_ = 0;
};

void queens_worker::found() { master_.send(solution{}); }

void queens_worker::on(const board& each) {
  if (each.placed.count >= queens_threshold) {
    solve_queens(each.placed, each.size, [this] { found(); });
  } else {
    place_queen(each.placed, each.size, [&](const queens& next) { master_.send(board{next, each.size}); });
  }
  master_.send(board_done{});
}

bool n_queens(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto master = rt.spawn<queens_master>(&done);
  std::vector<troupe::ref<queens_worker>> workers;
  for (std::uint64_t i = 0; i < queens_workers; ++i) {
    workers.push_back(rt.spawn<queens_worker>(master));
  }
  master.send(workers);
  auto size = queens_size(opts);
  return measure_size("ns/solution", done, size - 1, size, static_cast<double>(queens_solutions[size]),
                      [&](std::uint64_t n) { master.send(start{n}); });
}

// quicksort: an actor splits its numbers and makes one actor for the lesser and one for the greater.

struct sort_round {
  explicit sort_round(const options& opts) : rt(configured(opts)) {}

  completion done;
  numbers input;
  std::uint64_t count = 0;
  troupe::runtime rt;  // last, so that no actor outlives the rest
};

struct unsorted_part {
  numbers data;
};

struct sorted_part {
  numbers data;
  bool less;
};

class sorter : public troupe::actor {
public:
  sorter(troupe::ref<sorter> parent, bool less, sort_round* round)
      : parent_(std::move(parent)), less_(less), round_(round) {}

  void on(unsorted_part all) {
    if (all.data.size() < sort_threshold) {
      result_ = quicksort(all.data);
      finish();
      return;
    }
    auto cut = split(all.data);
    round_->rt.spawn<sorter>(self(this), true, round_).send(unsorted_part{std::move(cut.less)});
    round_->rt.spawn<sorter>(self(this), false, round_).send(unsorted_part{std::move(cut.greater)});
    result_ = std::move(cut.equal);
  }
  void on(sorted_part each) {
    result_ = each.less ? joined(std::move(each.data), result_) : joined(std::move(result_), each.data);
    if (++received_ == 2) {
      finish();
    }
  }

private:
  void finish() {
    if (parent_) {
      parent_.send(sorted_part{std::move(result_), less_});
    } else {
      round_->done.arrive(is_sorted_from(result_, round_->input, round_->count));
    }
    close_self();
  }

  troupe::ref<sorter> parent_;
  bool less_;
  sort_round* round_;
  numbers result_;
  unsigned received_ = 0;
};

bool sort(const options& opts) {
  sort_round round(opts);
  auto n = opts.scaled(sorted_numbers);
  round.input = unsorted(n);
  return measure_time("ns/number", round.done, 1, n, 1, 1, [&](std::uint64_t count) {
    round.count = count;
    numbers data(round.input.begin(), round.input.begin() + static_cast<std::ptrdiff_t>(count));
    round.rt.spawn<sorter>(troupe::ref<sorter>(), false, &round).send(unsorted_part{std::move(data)});
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
