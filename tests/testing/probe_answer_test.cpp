#include <troupe/base/log.hpp>
#include <troupe/testing/probe.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string_view>

namespace probe_answers {

using namespace std::chrono_literals;

struct get_mean {};
struct check {};

TEST(ProbeAnswer, that_throws_is_told_to_whoever_asked_as_that_of_a_handler) {
  troupe::set_log_sink([](std::string_view) noexcept {});
  troupe::runtime rt({.seed = 1});
  {
    troupe::testing::probe<double(get_mean), void(check)> asked(rt, "the probe");
    asked.answer<get_mean>([](const get_mean&) -> double { throw std::runtime_error("no luck"); });
    auto answer = asked.ask(get_mean{}, 1s);
    const auto got = answer.get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), troupe::errc::crashed);
    EXPECT_EQ(got.error().message(), "no luck (probe_answers::get_mean asked of the probe)");
    EXPECT_EQ(asked.join(1s)->text, "no luck");
  }
  {
    troupe::testing::probe<double(get_mean), void(check)> asked(rt, "another");
    asked.answer<check>([](const check&) { throw std::logic_error("wrong"); });
    auto answer = asked.ask(check{}, 1s);
    EXPECT_EQ(answer.get().error().message(), "wrong (probe_answers::check asked of another)");
  }
  troupe::set_log_sink(nullptr);
}

}  // namespace probe_answers
