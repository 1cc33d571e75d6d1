#include <chrono>
#include <stop_token>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <troupe/pipeline/pipeline.hpp>

#include "actors.hpp"
#include "support.hpp"

namespace {

using namespace troupe::pipeline;
using ::testing::ElementsAre;
using troupe::testing::read_file;

class Run : public ::testing::TestWithParam<unsigned> {
protected:
  pipeline load(const std::string& text) {
    auto loaded = pipeline::load(folder_.write("p.yaml", text), classes_);
    for (const auto& e : loaded.errors) ADD_FAILURE() << to_string(e);
    return loaded.value.value();
  }

  run_report run(const std::string& text, const run_options& options = {}) {
    troupe::runtime_options workers;
    workers.workers = GetParam();
    troupe::runtime rt(workers);
    return load(text).run(rt, options);
  }

  std::string sum(const std::string& name) const { return read_file(folder_.path() / name); }

  troupe::testing::scratch_folder folder_;
  registry classes_ = troupe::testing::classes();

  // Odd numbers and even ones are doubled apart, and added up together.
  std::string doubling(const std::string& counting) const {
    return "exchanges:\n"
           "  - {name: odd_even, kind: direct, message: number}\n"
           "  - {name: doubles, message: number}\n"
           "actors:\n"
           "  - {name: count, class: counting, parameters: " +
           counting +
           ", publish: odd_even}\n"
           "  - {name: twice, class: doubling, count: 2, attach: {exchange: odd_even, key: \"{index}\"}, publish: "
           "doubles}\n"
           "  - {name: add, class: adding, parameters: {file: " +
           (folder_.path() / "sum").native() + "}, attach: doubles}\n";
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, Run, ::testing::Values(1U, 2U, 4U));

TEST_P(Run, ends_when_the_end_of_the_sources_has_travelled_through) {
  const auto report = run(doubling("{last: 10000}"));
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_THAT(report.failures, ElementsAre());
  EXPECT_EQ(sum("sum0"), "100010000");
}

TEST_P(Run, a_work_queue_gives_each_message_to_one_member) {
  const auto report =
      run("exchanges: [{name: work, kind: work_queue, message: number}]\n"
          "actors:\n"
          "  - {name: count, class: counting, parameters: {last: 1000}, publish: work}\n"
          "  - {name: add, class: adding, count: 3, parameters: {file: " +
          (folder_.path() / "sum").native() + "}, attach: work}\n");
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_EQ(std::stoi(sum("sum0")) + std::stoi(sum("sum1")) + std::stoi(sum("sum2")), 500'500);
}

TEST_P(Run, an_actor_with_two_inputs_ends_after_both) {
  const auto report =
      run("exchanges: [{name: a, message: number}, {name: b, message: number}]\n"
          "actors:\n"
          "  - {name: short, class: counting, parameters: {last: 1}, publish: a}\n"
          "  - {name: long, class: counting, parameters: {last: 5000}, publish: b}\n"
          "  - {name: add, class: adding, parameters: {file: " +
          (folder_.path() / "sum").native() + "}, attach: [a, b]}\n");
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_EQ(sum("sum0"), "12502501");
}

TEST_P(Run, fails_with_the_name_and_the_error_of_an_actor_that_crashes) {
  const auto report = run(doubling("{last: 1000000000, fail_at: 500}"));
  EXPECT_EQ(report.how, outcome::failed);
  EXPECT_THAT(report.failures, ElementsAre("actor 'count' failed: no number 500"));
  EXPECT_THAT(report.stuck, ElementsAre());
}

TEST_P(Run, a_crash_ends_a_run_whose_other_sources_would_go_on) {
  const auto report =
      run("exchanges: [{name: a, message: number}]\n"
          "actors:\n"
          "  - {name: endless, class: counting, parameters: {last: 1000000000000}, publish: a}\n"
          "  - {name: brief, class: counting, parameters: {last: 5, fail_at: 3}, publish: a}\n"
          "  - {name: add, class: adding, attach: a}\n");
  EXPECT_EQ(report.how, outcome::failed);
  EXPECT_THAT(report.failures, ElementsAre("actor 'brief' failed: no number 3"));
}

TEST_P(Run, fails_where_an_actor_cannot_be_made) {
  const auto report =
      run("exchanges: [{name: a, message: number}]\n"
          "actors:\n"
          "  - {name: endless, class: counting, parameters: {last: 1000000000000}, publish: a}\n"
          "  - {name: never, class: failing, count: 2, attach: a}\n");
  EXPECT_EQ(report.how, outcome::failed);
  EXPECT_THAT(report.failures, ElementsAre("actor 'never[0]' failed: not today"));
}

TEST_P(Run, an_actor_can_end_the_run_quietly) {
  const auto report =
      run("exchanges: [{name: a, message: number}]\n"
          "actors:\n"
          "  - {name: endless, class: counting, parameters: {last: 1000000000000}, publish: a}\n"
          "  - {name: add, class: adding, parameters: {stop_at: 100}, attach: a}\n");
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_THAT(report.stuck, ElementsAre());
}

TEST_P(Run, messages_that_reach_nobody_are_told) {
  const auto report =
      run("exchanges: [{name: odd_even, kind: direct, message: number}]\n"
          "actors:\n"
          "  - {name: count, class: counting, parameters: {last: 7}, publish: odd_even}\n"
          "  - {name: add, class: adding, attach: {exchange: odd_even, key: \"1\"}}\n");
  EXPECT_EQ(report.how, outcome::finished);
  EXPECT_THAT(report.unroutable, ElementsAre("3 messages on exchange 'odd_even' reached nobody"));
  EXPECT_THAT(run(doubling("{last: 7}")).unroutable, ElementsAre());
}

TEST_P(Run, a_stop_request_ends_it) {
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  const auto report = run(doubling("{last: 1000000000000}"), {stop.get_token(), std::chrono::seconds(60)});
  EXPECT_EQ(report.how, outcome::stopped);
  EXPECT_THAT(report.stuck, ElementsAre());
  EXPECT_THAT(report.failures, ElementsAre());
}

TEST_P(Run, a_stop_request_before_the_start_counts) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run(doubling("{last: 1000000000000}"), {stop.get_token(), std::chrono::seconds(20)}).how, outcome::stopped);
}

TEST_P(Run, the_same_pipeline_runs_again_on_another_runtime) {
  const auto p = load(doubling("{last: 100}"));
  for (int i = 0; i < 20; ++i) {
    troupe::runtime rt;
    EXPECT_EQ(p.run(rt).how, outcome::finished);
    EXPECT_EQ(sum("sum0"), "10100");
  }
}

TEST(DeterministicRun, runs_a_pipeline_to_its_end) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto file = folder.write("p.yaml",
                                 "exchanges: [{name: a, message: number}]\n"
                                 "actors:\n"
                                 "  - {name: count, class: counting, parameters: {last: 1000}, publish: a}\n"
                                 "  - {name: add, class: adding, parameters: {file: " +
                                     (folder.path() / "sum").native() + "}, attach: a}\n");
  troupe::runtime_options options;
  options.seed = 7;
  troupe::runtime rt(options);
  EXPECT_EQ(pipeline::load(file, classes).value->run(rt).how, outcome::finished);
  EXPECT_EQ(read_file(folder.path() / "sum0"), "500500");
}

TEST(DeterministicRun, an_actor_that_does_not_keep_up_loses_what_its_policy_says) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto sum_with = [&](const std::string& how) {
    const auto file = folder.write("p.yaml",
                                   "exchanges: [{name: a, message: number}]\n"
                                   "actors:\n"
                                   "  - {name: count, class: counting, parameters: {last: 1000}, publish: a}\n"
                                   "  - {name: add, class: adding, parameters: {file: " +
                                       (folder.path() / "sum").native() + "}, attach: {exchange: a, " + how + "}}\n");
    troupe::runtime_options options;
    options.seed = 7;
    troupe::runtime rt(options);
    EXPECT_EQ(pipeline::load(file, classes).value->run(rt).how, outcome::finished);
    return std::stol(read_file(folder.path() / "sum0"));
  };
  EXPECT_EQ(sum_with("policy: drop_newest, limit: 1000"), 500'500);
  // It publishes 64 at a time.
  EXPECT_LT(sum_with("policy: drop_newest, limit: 10"), sum_with("policy: drop_oldest, limit: 10"));
  EXPECT_LT(sum_with("policy: drop_oldest, limit: 10"), 500'500);
}

}  // namespace
