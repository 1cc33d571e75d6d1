#include <gtest/gtest.h>

#include <troupe/pipeline/value.hpp>

namespace {

using namespace troupe::pipeline;

TEST(Value, is_read_as_its_type) {
  EXPECT_EQ(*parse_value(value_type::integer, "-42"), value(std::int64_t{-42}));
  EXPECT_EQ(*parse_value(value_type::integer, "+7"), value(std::int64_t{7}));
  EXPECT_EQ(*parse_value(value_type::number, "2.5"), value(2.5));
  EXPECT_EQ(*parse_value(value_type::number, "3"), value(3.0));
  EXPECT_EQ(*parse_value(value_type::boolean, "true"), value(true));
  EXPECT_EQ(*parse_value(value_type::text, ""), value(std::string()));
  EXPECT_EQ(*parse_value(value_type::path, "/usr"), value(std::filesystem::path("/usr")));
  EXPECT_EQ(*parse_value(value_type::path, ""), value(std::filesystem::path()));
}

TEST(Value, of_the_wrong_type_is_refused_with_a_sentence) {
  EXPECT_EQ(parse_value(value_type::integer, "12x").error().message(), "expected an integer, not '12x'");
  EXPECT_EQ(parse_value(value_type::integer, "").error().message(), "expected an integer, not ''");
  EXPECT_EQ(parse_value(value_type::integer, "99999999999999999999").error().message(),
            "'99999999999999999999' is out of the range of an integer");
  EXPECT_EQ(parse_value(value_type::boolean, "yes").error().message(), "expected 'true' or 'false', not 'yes'");
  EXPECT_FALSE(parse_value(value_type::integer, "+-7"));
  EXPECT_FALSE(parse_value(value_type::number, "nan"));
}

TEST(Value, converts_only_where_nothing_is_lost) {
  EXPECT_TRUE(convertible(value_type::integer, value_type::number));
  EXPECT_TRUE(convertible(value_type::text, value_type::path));
  EXPECT_TRUE(convertible(value_type::boolean, value_type::text));
  EXPECT_FALSE(convertible(value_type::number, value_type::integer));
  EXPECT_FALSE(convertible(value_type::text, value_type::integer));
  EXPECT_EQ(convert(value(std::int64_t{3}), value_type::number), value(3.0));
  EXPECT_EQ(convert(value(std::string("/a")), value_type::path), value(std::filesystem::path("/a")));
  EXPECT_EQ(convert(value(true), value_type::text), value(std::string("true")));
}

TEST(Value, is_spelled_as_it_is_read) {
  for (const auto* text : {"1", "-5"}) EXPECT_EQ(to_text(*parse_value(value_type::integer, text)), text);
  EXPECT_EQ(to_text(value(0.5)), "0.5");
}

}  // namespace
