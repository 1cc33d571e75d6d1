#include <array>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <troupe/pipeline/pipeline.hpp>

#include "actors.hpp"
#include "support.hpp"

namespace {

using namespace troupe::pipeline;

/// Writes pipeline files at random, with all that can be said of exchanges, rightly or wrongly.
class wiring_writer {
public:
  explicit wiring_writer(unsigned seed) : rng_(seed) {}

  std::string write() {
    const std::size_t n = 1 + below(4);
    std::string exchanges = "exchanges:\n", actors = "actors:\n";
    for (std::size_t i = 0; i < n; ++i) kinds_[i] = pick(kinds);
    for (std::size_t i = 0; i < n; ++i) {
      exchanges += "  - {name: e" + std::to_string(i) + ", kind: " + kinds_[i] +
                   ", message: " + (rarely(20) ? "dead_number" : "number") + options(i, n) + "}\n";
      if (chance(i == 0 ? 20 : 3))
        actors += "  - {name: source" + std::to_string(i) + ", class: counting, parameters: {last: 20}, publish: e" +
                  std::to_string(i) + "}\n";
      for (std::size_t reader = 0; reader < 1 + below(2); ++reader) actors += actor(i, reader);
    }
    return exchanges + actors;
  }

private:
  static constexpr std::array<const char*, 8> kinds{"fanout",          "direct",     "topic", "headers",
                                                    "consistent_hash", "work_queue", "queue", "first_only"};

  std::size_t below(std::size_t n) { return rng_() % n; }
  /// Once in n times, and otherwise.
  bool rarely(std::size_t n) { return below(n) == 0; }
  bool chance(std::size_t n) { return !rarely(n); }

  template <std::size_t N>
  std::string pick(const std::array<const char*, N>& from) {
    return from[below(N)];
  }

  std::string options(std::size_t i, std::size_t n) {
    static constexpr std::array<const char*, 10> for_queues{
        ", max_deliveries: 2",  ", ack_timeout: 1h",
        ", message_ttl: 30s",   ", limit: 3, when_full: drop_oldest",
        ", limit: 5",           ", when_full: drop_newest",
        ", max_deliveries: 0",  ", limit: 7, when_full: fail",
        ", message_ttl: 0.5us", ", limit: 1, when_full: drop_newest"};
    static constexpr std::array<const char*, 5> for_others{", retain: {last: 3}", ", retain: {last_value: true}",
                                                           ", retain: {for_time: 1h, bytes: 4KiB}",
                                                           ", retain: {bytes: 1}", ", retain: {last: 0}"};
    std::string text;
    if (rarely(3)) text += kinds_[i] == "queue" || rarely(8) ? pick(for_queues) : pick(for_others);
    if (rarely(4)) text += (kinds_[i] == "queue" ? ", dead_letters: e" : ", alternate: e") + std::to_string(below(n));
    if (i != 0 && chance(3)) text += ", attach: " + attachment(below(n), rarely(12));
    return text;
  }

  /// An attachment, mostly with a key where one is wanted.
  std::string attachment(std::size_t to, bool with_options) {
    static constexpr std::array<const char*, 4> keys{"\"1\"", "\"7\"", "\"3\"", "\"{index}\""};
    static constexpr std::array<const char*, 5> patterns{"\"#\"", "\"*.#\"", "\"1\"", "a..b", "\"any parity='odd'\""};
    static constexpr std::array<const char*, 4> matches{", match_all: {parity: odd}",
                                                        ", match_any: {value: 3, parity: x}", ", match_all: {}",
                                                        ", match_any: {value: 7}"};
    static constexpr std::array<const char*, 10> said{", policy: drop_oldest, limit: 2",
                                                      ", policy: conflate",
                                                      ", limit: 4",
                                                      ", policy: fail, limit_bytes: 64",
                                                      ", policy: disconnect, limit: 9",
                                                      ", policy: drop_newest",
                                                      ", start: earliest",
                                                      ", start: offset 2, limit: 2",
                                                      ", prefetch: 1",
                                                      ", prefetch: 100"};
    const auto& kind = kinds_[to];
    const bool keyed = kind == "direct" || kind == "topic" || (kind == "consistent_hash" && rarely(2));
    std::string text = "{exchange: e" + std::to_string(to);
    if (kind == "headers" ? chance(10) : rarely(40))
      text += pick(matches);
    else if (keyed ? chance(10) : rarely(20))
      text += ", key: " + (kind == "topic" || rarely(8) ? pick(patterns) : pick(keys));
    if (with_options && (kind != "queue" || rarely(4))) text += pick(said);
    if (with_options && kind == "queue") text += ", prefetch: 2";
    return text + "}";
  }

  std::string actor(std::size_t exchange, std::size_t number) {
    const bool by_hand = kinds_[exchange] == "queue" ? rarely(2) : rarely(30);
    std::string text = "  - {name: r" + std::to_string(exchange) + std::to_string(number) + ", class: " +
                       (by_hand      ? "picking"
                        : rarely(40) ? "burying"
                                     : "adding");
    if (rarely(3)) text += ", count: " + std::to_string(1 + below(3));
    if (rarely(6)) text += ", after: source0";
    if (rarely(12))
      return text + ", attach: [" + attachment(exchange, rarely(2)) + ", " + attachment(exchange, rarely(2)) + "]}\n";
    return text + ", attach: " + attachment(exchange, rarely(2)) + "}\n";
  }

  std::mt19937 rng_;
  std::array<std::string, 4> kinds_;
};

TEST(RandomWiring, what_the_check_accepts_runs_to_its_end) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  unsigned accepted = 0;
  for (unsigned seed = 1; seed <= 2'500; ++seed) {
    const auto text = wiring_writer(seed).write();
    const auto loaded = pipeline::load(folder.write("p.yaml", text), classes);
    if (!loaded) continue;
    ++accepted;
    EXPECT_NE(loaded.value->graph(), "");
    troupe::runtime_options options;
    options.workers = 2;
    troupe::runtime rt(options);
    const auto report = loaded.value->run(rt);
    ASSERT_EQ(report.how, outcome::finished) << "seed " << seed << "\n" << text << report.failures.at(0);
    ASSERT_TRUE(report.stuck.empty()) << "seed " << seed << "\n" << text << report.stuck.at(0);
  }
  EXPECT_GT(accepted, 150u);  // else it tries too little
}

}  // namespace
