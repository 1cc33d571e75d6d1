#include <troupe/base/result.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using troupe::errc;
using troupe::error;
using troupe::result;

/// Counts who is alive; its move throws where it is told to.
struct counted {
  explicit counted(int& n) : alive(&n) { ++*alive; }
  counted(const counted& other) : alive(other.alive) { ++*alive; }
  counted(counted&& other) : alive(other.alive), throws(other.throws) {
    if (throws) throw std::runtime_error("moved");
    ++*alive;
  }
  counted& operator=(const counted&) = delete;
  ~counted() { --*alive; }

  int* alive;
  bool throws = false;
};

TEST(Result, holds_a_value_or_an_error) {
  const result<std::string> value("some text that does not fit into the string itself");
  const result<std::string> failed(error(errc::timeout, "too late"));
  EXPECT_TRUE(value);
  EXPECT_EQ(value->substr(0, 9), "some text");
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "too late");
  EXPECT_EQ(failed.value_or("other"), "other");
  EXPECT_THROW((void)failed.value(), troupe::troupe_error);
}

TEST(Result, of_success_has_an_error_that_is_like_none_and_says_so) {
  const result<int> value(3);
  const result<void> done;
  for (const error& none : {value.error(), done.error()}) {
    EXPECT_EQ(none.message(), "no error");
    EXPECT_EQ(to_string(none.code()), "no error");
    for (int i = 0; i <= static_cast<int>(errc::io); ++i) EXPECT_NE(none.code(), static_cast<errc>(i));
  }
}

TEST(Result, keeps_each_code_with_and_without_a_sentence) {
  for (int i = 0; i <= static_cast<int>(errc::io); ++i) {
    const auto code = static_cast<errc>(i);
    EXPECT_EQ(error(code).code(), code);
    EXPECT_EQ(error(code).message(), to_string(code));
    error told(code, "a sentence");
    EXPECT_EQ(told.code(), code);
    const error taken(std::move(told));
    EXPECT_EQ(told.code(), code) << "what was moved from keeps the code";  // NOLINT(bugprone-use-after-move)
  }
}

TEST(Result, is_as_movable_and_copyable_as_its_value) {
  static_assert(std::is_copy_constructible_v<result<std::string>>);
  static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
  static_assert(!std::is_copy_assignable_v<result<std::unique_ptr<int>>>);
  static_assert(std::is_nothrow_move_constructible_v<result<std::unique_ptr<int>>>);
  static_assert(!std::is_nothrow_move_constructible_v<result<counted>>);
  result<std::unique_ptr<int>> from(std::make_unique<int>(3));
  result<std::unique_ptr<int>> to(std::move(from));
  EXPECT_EQ(**to, 3);
  to = errc::closed;
  EXPECT_EQ(to.error(), errc::closed);
  to = std::make_unique<int>(4);
  EXPECT_EQ(*std::move(to).value(), 4);
}

TEST(Result, a_value_goes_once_whatever_takes_its_place) {
  int alive = 0;
  {
    result<counted> a{counted(alive)};
    result<counted> b(a);
    EXPECT_EQ(alive, 2);
    a = error(errc::full, "no room");
    EXPECT_EQ(alive, 1);
    a = b;
    EXPECT_EQ(alive, 2);
    b = result<counted>(errc::empty);
    EXPECT_EQ(alive, 1);
    a = *&a;
    EXPECT_EQ(alive, 1);
    EXPECT_TRUE(a);
    EXPECT_EQ(b.error(), errc::empty);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Result, a_value_whose_move_throws_leaves_an_error_in_its_place) {
  int alive = 0;
  {
    result<counted> a{counted(alive)};
    result<counted> b{counted(alive)};
    b->throws = true;
    EXPECT_THROW(a = std::move(b), std::runtime_error);
    EXPECT_FALSE(a);
    EXPECT_EQ(alive, 1);
    b->throws = false;
    a = std::move(b);
    EXPECT_TRUE(a);
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
