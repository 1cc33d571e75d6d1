#include "stress.hpp"
#include "seeds.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

// stress --seeds [--seconds S] [--first-seed N | --seed SCHEDULE]: runs random programs of actors on deterministic
// runtimes, each with a seed of its own; see seeds.hpp.
//
// stress [--items N] [--queue NAME] [--seconds S] | --list: sends items through each queue, and checks that each came
// out once, and in order where order is promised. With seconds it does so again and again for as long, and until
// something is wrong. Ends with 1 then, with 2 if the arguments are wrong.

namespace stress {

void verdict::add(const tally& t, bool ordered) {
  for (std::size_t i = 0; i != parties; ++i) {
    from_[i].count += t.from_[i].count;
    from_[i].sum += t.from_[i].sum;
  }
  if (ordered && !t.in_order_) complain("items of one sender came out in another order");
}

std::string verdict::of(std::size_t senders, std::uint64_t each) const {
  std::string text = complaints_;
  for (std::size_t i = 0; i != parties; ++i) {
    const std::uint64_t n = i < senders ? each : 0;
    if (from_[i].count == n && from_[i].sum == n * (n + 1) / 2) continue;
    text += "of sender " + std::to_string(i) + "'s " + std::to_string(n) + " items came " +
            std::to_string(from_[i].count) + ", with the sum " + std::to_string(from_[i].sum) + "; ";
  }
  return text;
}

namespace {

bool run(const queue& q, std::uint64_t items) {
  items /= q.divisor;
  const auto start = std::chrono::steady_clock::now();
  const std::string wrong = q.carry(items);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%-17s %9llu items %8.2f s %7.1f ns/item  %s\n", q.name, static_cast<unsigned long long>(items), seconds,
              1e9 * seconds / static_cast<double>(items), wrong.empty() ? "ok" : wrong.c_str());
  std::fflush(stdout);
  return wrong.empty();
}

template <class Visit>
void for_each_queue(Visit visit) {
  for (auto group : {run_queues(), mailboxes(), channels(), futures(), actors(), bursts()})
    for (const queue& q : group) visit(q);
}

int usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s [--items N] [--queue NAME] [--seconds S]\n"
               "       %s --seeds [--seconds S] [--first-seed N | --seed SCHEDULE]\n       %s --list\n",
               program, program, program);
  return 2;
}

int main_of(int argc, char** argv) {
  std::uint64_t items = 1'000'000;
  double seconds = 0;
  std::string_view name;
  bool seeds = false;
  seeds_options of_seeds;
  of_seeds.program = argv[0];
  for (int i = 1; i != argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--list") {
      for_each_queue([](const queue& q) {
        std::printf("%-17s %s%s\n", q.name, q.what, q.divisor == 1 ? "" : " (a tenth of the items)");
      });
      return 0;
    }
    if (option == "--seeds") {
      seeds = true;
      continue;
    }
    if (i + 1 == argc) return usage(argv[0]);
    const char* value = argv[++i];
    if (option == "--items")
      items = std::strtoull(value, nullptr, 10);
    else if (option == "--queue")
      name = value;
    else if (option == "--seconds")
      seconds = std::strtod(value, nullptr);
    else if (option == "--first-seed")
      of_seeds.first_seed = std::strtoull(value, nullptr, 10);
    else if (option == "--seed")
      of_seeds.schedule = value;
    else
      return usage(argv[0]);
  }
  if (seeds) {
    of_seeds.seconds = seconds;
    return run_seeds(of_seeds);
  }
  if (of_seeds.first_seed || !of_seeds.schedule.empty() || items < 1'000) return usage(argv[0]);
  bool found = false;
  bool right = true;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  do {
    for_each_queue([&](const queue& q) {
      if (!name.empty() && name != q.name) return;
      found = true;
      right = run(q, items) && right;
    });
    if (!found) return usage(argv[0]);
  } while (right && std::chrono::steady_clock::now() < end);
  return right ? 0 : 1;
}

}  // namespace
}  // namespace stress

int main(int argc, char** argv) { return stress::main_of(argc, argv); }
