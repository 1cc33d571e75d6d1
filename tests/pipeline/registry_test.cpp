#include <gtest/gtest.h>

#include <troupe/pipeline/registry.hpp>

#include "actors.hpp"

namespace {

using namespace troupe::pipeline;
using troupe::testing::adding;
using troupe::testing::number;
using troupe::testing::word;

troupe::errc code_of(auto&& registration) {
  try {
    registration();
  } catch (const troupe::troupe_error& e) {
    return e.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Registry, tells_what_was_registered) {
  const auto classes = troupe::testing::classes();
  const auto info = classes.find_class("counting");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->help, "Publishes numbers");
  ASSERT_EQ(info->parameters.size(), 2u);
  EXPECT_EQ(info->parameters[0].minimum, 1.0);
  EXPECT_FALSE(info->parameters[0].default_value);
  EXPECT_EQ(info->parameters[1].default_value, value(std::int64_t{-1}));
  EXPECT_EQ(info->outputs.at(0).message->name, "number");
  EXPECT_FALSE(classes.find_class("nobody"));
  EXPECT_EQ(classes.classes().size(), 8u);
  ASSERT_TRUE(classes.find_kind("topic"));
  EXPECT_EQ(*classes.find_kind("topic"), troupe::exchange_kind::topic);
  EXPECT_EQ(classes.kinds().back().name(), "first_only");
}

TEST(Registry, naming_a_message_the_same_again_is_harmless) {
  registry r;
  r.message<number>("number").message<number>("number");
  EXPECT_EQ(r.messages().size(), 1u);
}

TEST(Registry, refuses_contradictions) {
  using troupe::errc;
  registry r;
  r.message<number>("number");
  EXPECT_EQ(code_of([&] { r.message<word>("number"); }), errc::already_exists);
  EXPECT_EQ(code_of([&] { r.message<number>("other"); }), errc::already_exists);
  auto builder = r.actor<adding>("adding", "");
  EXPECT_EQ(code_of([&] { r.actor<adding>("adding", ""); }), errc::already_exists);
  EXPECT_EQ(code_of([&] { r.actor<adding>("not a name", ""); }), errc::invalid_argument);
  EXPECT_EQ(code_of([&] { builder.output<word>("words"); }), errc::not_found);
  EXPECT_EQ(code_of([&] { builder.at_least(1); }), errc::invalid_argument);
  builder.parameter<std::int64_t>("x", "");
  EXPECT_EQ(code_of([&] { builder.parameter<bool>("x", "", true); }), errc::already_exists);
  EXPECT_EQ(code_of([&] { r.kind(troupe::exchange_kind::topic); }), errc::already_exists);
  EXPECT_EQ(code_of([&] { r.kind(troupe::exchange_kind("makes_none", nullptr)); }), errc::invalid_argument);
  builder.input<number>();
  EXPECT_EQ(code_of([&] { builder.input<number>(); }), errc::already_exists);
}

TEST(Context, gives_parameters_by_their_declared_type_only) {
  context::description d;
  d.name = "add";
  d.values.emplace("stop_at", value(std::int64_t{3}));
  const context c(std::move(d));
  EXPECT_EQ(c.get<std::int64_t>("stop_at"), 3);
  EXPECT_EQ(code_of([&] { (void)c.get<double>("stop_at"); }), troupe::errc::type_mismatch);
  EXPECT_EQ(code_of([&] { (void)c.get<double>("start_at"); }), troupe::errc::not_found);
  EXPECT_EQ(code_of([&] { (void)c.output<number>("numbers"); }), troupe::errc::not_found);
}

}  // namespace
