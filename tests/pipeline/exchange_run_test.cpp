#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <troupe/pipeline/pipeline.hpp>

#include "actors.hpp"
#include "support.hpp"

namespace {

using namespace troupe::pipeline;
using ::testing::ElementsAre;

/// Runs pipelines whose source `count` publishes 1 to 100 on the exchange `a`, odd numbers with the key 1, even ones
/// with the key 0.
class ExchangeRun : public ::testing::TestWithParam<unsigned> {
protected:
  run_report run(const std::string& exchanges, const std::string& actors) {
    troupe::runtime_options workers;
    workers.workers = GetParam();
    troupe::runtime rt(workers);
    return run_on(rt, exchanges, actors);
  }

  run_report run_on(troupe::runtime& rt, const std::string& exchanges, const std::string& actors) {
    auto loaded = pipeline::load(folder_.write("p.yaml", "exchanges:\n" + exchanges +
                                                             "actors:\n  - {name: count, class: counting, parameters: "
                                                             "{last: 100}, publish: a}\n" +
                                                             actors),
                                 classes_);
    for (const auto& e : loaded.errors) ADD_FAILURE() << to_string(e);
    auto report = loaded.value.value().run(rt);
    EXPECT_THAT(report.stuck, ElementsAre());
    return report;
  }

  /// An actor that adds up what it gets; `more` says how.
  std::string adding(const std::string& name, const std::string& more,
                     const std::string& actor_class = "adding") const {
    return "  - {name: " + name + ", class: " + actor_class +
           ", parameters: {file: " + (folder_.path() / name).native() + "}, " + more + "}\n";
  }

  /// What the members of an actor have added up together.
  long sum(const std::string& name, int members = 1) const {
    long all = 0;
    for (int i = 0; i < members; ++i) all += std::stol(text(name + std::to_string(i)));
    return all;
  }

  std::string text(const std::string& name) const { return troupe::testing::read_file(folder_.path() / name); }

  troupe::testing::scratch_folder folder_;
  registry classes_ = troupe::testing::classes();
};

INSTANTIATE_TEST_SUITE_P(Workers, ExchangeRun, ::testing::Values(1U, 2U, 4U));

TEST_P(ExchangeRun, the_actors_of_a_group_share_what_each_group_gets) {
  run("  - {name: a, message: number}\n", adding("one", "count: 3, attach: {exchange: a, group: ones}") +
                                              adding("two", "count: 2, attach: {exchange: a, group: twos}") +
                                              adding("all", "attach: a"));
  EXPECT_EQ(sum("one", 3), 5050);
  EXPECT_EQ(sum("two", 2), 5050);
  EXPECT_EQ(sum("all"), 5050);
}

TEST_P(ExchangeRun, passes_on_what_an_exchange_is_attached_for_and_sends_the_rest_to_the_alternate) {
  const auto report =
      run("  - {name: a, kind: topic, message: number, alternate: rest}\n"
          "  - {name: odd, message: number, attach: {exchange: a, key: \"1\"}}\n"
          "  - {name: rest, message: number}\n",
          adding("add_odd", "attach: odd") + adding("add_rest", "attach: rest"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_THAT(report.unroutable, ElementsAre());
  EXPECT_EQ(sum("add_odd"), 2'500);
  EXPECT_EQ(sum("add_rest"), 2'550);
}

TEST_P(ExchangeRun, ends_travel_through_chains_of_exchanges) {
  const auto report =
      run("  - {name: a, message: number}\n"
          "  - {name: b, message: number, attach: a}\n"
          "  - {name: c, message: number, attach: [b, d]}\n"
          "  - {name: d, message: number, attach: a}\n",
          adding("add", "attach: c"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_EQ(sum("add"), 2 * 5'050);
}

TEST_P(ExchangeRun, messages_are_matched_by_their_headers) {
  const auto report = run("  - {name: a, kind: headers, message: number}\n",
                          adding("all", "attach: {exchange: a, match_all: {parity: odd, value: 7}}") +
                              adding("any", "attach: {exchange: a, match_any: {parity: even, value: 7}}") +
                              adding("key", "attach: {exchange: a, key: \"all parity='odd'\"}"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_EQ(sum("all"), 7);
  EXPECT_EQ(sum("any"), 2'550 + 7);
  EXPECT_EQ(sum("key"), 2'500);
}

TEST_P(ExchangeRun, a_consistent_hash_gives_a_key_to_one_member) {
  const auto report = run("  - {name: a, kind: consistent_hash, message: number}\n",
                          adding("light", "attach: a") + adding("heavy", "attach: {exchange: a, key: \"3\"}"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_EQ(sum("light") + sum("heavy"), 5'050);
  EXPECT_THAT(sum("light"), ::testing::AnyOf(0, 2'500, 2'550, 5'050));
}

TEST_P(ExchangeRun, a_kind_of_ones_own_routes_by_its_name) {
  EXPECT_EQ(run("  - {name: a, kind: first_only, message: number}\n", adding("add", "count: 2, attach: a")).how,
            outcome::finished);
  EXPECT_EQ(sum("add"), 5'050);
}

TEST_P(ExchangeRun, what_is_rejected_goes_to_the_dead_letters_which_end_after_their_queue) {
  const auto report =
      run("  - {name: a, kind: queue, message: number, max_deliveries: 3, dead_letters: dead}\n"
          "  - {name: dead, message: dead_number}\n",
          adding("pick", "count: 3, attach: {exchange: a, prefetch: 4}", "picking") +
              adding("bury", "attach: dead", "burying"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_THAT(report.unroutable, ElementsAre());
  EXPECT_EQ(sum("pick", 3), 4'500);
  EXPECT_EQ(text("bury"), "10 of a");
}

TEST_P(ExchangeRun, dead_letters_that_nobody_gets_are_told) {
  const auto report = run("  - {name: a, kind: queue, message: number}\n", adding("pick", "attach: a", "picking"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_THAT(report.unroutable, ElementsAre("10 messages on exchange 'a' became dead letters, and it has no "
                                             "'dead_letters'"));
}

TEST_P(ExchangeRun, who_comes_after_others_begins_where_it_says_in_what_was_retained) {
  const auto report =
      run("  - {name: a, message: number, retain: {last: 10}}\n"
          "  - {name: b, message: number, retain: {last_value: true}, attach: a}\n",
          adding("latest", "after: count, attach: a") +
              adding("earliest", "after: count, attach: {exchange: a, start: earliest}") +
              adding("offset", "after: count, attach: {exchange: a, start: offset 95}") +
              adding("each", "after: [count, earliest], attach: {exchange: b, start: earliest}") +
              adding("live", "attach: {exchange: a, start: earliest}"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_THAT(report.unroutable, ElementsAre());
  EXPECT_EQ(sum("latest"), 0);
  EXPECT_EQ(sum("earliest"), 955);  // 91 to 100
  EXPECT_EQ(sum("offset"), 490);    // 96 to 100: the first has the number 0
  EXPECT_EQ(sum("each"), 99 + 100);
  EXPECT_EQ(sum("live"), 5'050);
}

TEST_P(ExchangeRun, exchanges_wait_for_those_who_publish_on_them_later) {
  const auto report =
      run("  - {name: a, kind: queue, message: number}\n"
          "  - {name: b, message: number}\n"
          "  - {name: other, message: number}\n",
          "  - {name: first, class: counting, parameters: {last: 50}, publish: other}\n"
          "  - {name: twice, class: doubling, count: 2, after: first, attach: a, publish: b}\n" +
              adding("add", "attach: b") + adding("add_other", "attach: other"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_EQ(sum("add"), 2 * 5'050);
}

TEST_P(ExchangeRun, nobody_comes_after_one_who_crashed) {
  const auto report =
      run("  - {name: a, message: number}\n  - {name: b, message: number}\n",
          "  - {name: brief, class: counting, parameters: {last: 9, fail_at: 3}, publish: b}\n" +
              adding("never", "after: brief, attach: a") + adding("add_b", "attach: b") + adding("add_a", "attach: a"));
  EXPECT_EQ(report.how, outcome::failed);
  EXPECT_THAT(report.failures, ElementsAre("actor 'brief' failed: no number 3"));
  EXPECT_EQ(text("never0"), "");
}

TEST_P(ExchangeRun, who_comes_later_and_cannot_be_made_fails_the_run) {
  const auto report = run("  - {name: a, message: number, retain: {last: 1}}\n",
                          "  - {name: never, class: failing, after: count, attach: a}\n" + adding("add", "attach: a"));
  EXPECT_EQ(report.how, outcome::failed);
  EXPECT_THAT(report.failures, ElementsAre("actor 'never' failed: not today"));
}

TEST_P(ExchangeRun, an_exchange_that_is_there_already_and_is_another_one_is_told) {
  troupe::runtime rt;
  const troupe::exchange<troupe::testing::word> there(rt, "a");
  const auto report = run_on(rt, "  - {name: a, message: number}\n", adding("add", "attach: a"));
  EXPECT_EQ(report.how, outcome::failed);
  EXPECT_THAT(report.failures,
              ElementsAre(::testing::StartsWith("exchange 'a' failed: exchange 'a' is a fanout exchange")));
}

TEST(DeterministicExchangeRun, runs_queues_and_those_who_come_later) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto file = folder.write(
      "p.yaml",
      "exchanges:\n"
      "  - {name: a, kind: queue, message: number, ack_timeout: 1h, dead_letters: dead}\n"
      "  - {name: dead, message: number, retain: {last: 3, for_time: 1d}}\n"
      "actors:\n"
      "  - {name: count, class: counting, parameters: {last: 100}, publish: a}\n"
      "  - {name: pick, class: picking, attach: a}\n"
      "  - {name: add, class: adding, after: pick, attach: {exchange: dead, start: ago 5s}, parameters: {file: " +
          (folder.path() / "sum").native() + "}}\n");
  troupe::runtime_options options;
  options.seed = 7;
  troupe::runtime rt(options);
  const auto loaded = pipeline::load(file, classes);
  ASSERT_THAT(troupe::testing::texts(loaded.errors), ElementsAre());
  EXPECT_EQ(loaded.value->run(rt).how, outcome::finished);
  EXPECT_EQ(troupe::testing::read_file(folder.path() / "sum0"), "270");
}

}  // namespace
