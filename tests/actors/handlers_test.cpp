#include <troupe/actors/runtime.hpp>

#include <gtest/gtest.h>

#include <any>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using troupe::handles;
using troupe::handles_shared;
using troupe::reply_of;

struct text {
  std::string value;
};
struct base_message {};
struct derived_message : base_message {};

class everything : public troupe::actor {
public:
  void on(const text&) {}
  int on(int n) { return n; }
  double on(double d) { return d; }
  std::string on(std::unique_ptr<int>&& p) { return std::to_string(*p); }
  troupe::result<long> on(char) { return troupe::errc::not_found; }
  troupe::task<std::string> on(const std::vector<int>& v) { co_return std::to_string(v.size()); }
  troupe::task<troupe::result<short>> on(bool b) {
    if (b) co_return short{7};
    co_return troupe::errc::invalid_argument;
  }
  void on(const base_message&) {}
};

static_assert(handles<everything, text> && handles<everything, int> && handles<everything, double>);
static_assert(handles<everything, std::unique_ptr<int>> && handles<everything, base_message>);
static_assert(!handles<everything, float> && !handles<everything, long> && !handles<everything, std::string>);
static_assert(!handles<everything, derived_message>, "a handler of the base is not a handler of the derived");
static_assert(!handles<everything, const char*>);

static_assert(handles_shared<everything, text> && handles_shared<everything, int>);
static_assert(!handles_shared<everything, std::unique_ptr<int>>, "it wants to own the message");

static_assert(std::is_same_v<reply_of<everything, text>, void>);
static_assert(std::is_same_v<reply_of<everything, int>, int>);
static_assert(std::is_same_v<reply_of<everything, char>, long>);
static_assert(std::is_same_v<reply_of<everything, std::vector<int>>, std::string>);
static_assert(std::is_same_v<reply_of<everything, bool>, short>);

class loop : public troupe::loop_actor<int, text> {
public:
  troupe::task<> run() override {
    while (auto m = co_await receive()) {
    }
  }
};
static_assert(handles<loop, int> && handles<loop, text> && !handles<loop, double>);
static_assert(handles_shared<loop, text>);

static_assert(std::is_constructible_v<troupe::address<int>, troupe::ref<everything>>);
static_assert(!std::is_constructible_v<troupe::address<float>, troupe::ref<everything>>);
static_assert(std::is_constructible_v<troupe::address<int(int)>, troupe::ref<everything>>);
static_assert(!std::is_constructible_v<troupe::address<long(int)>, troupe::ref<everything>>, "it answers with an int");

class Handlers : public testing::Test {
protected:
  troupe::runtime rt{troupe::runtime_options{.workers = 1}};
  troupe::ref<everything> e = rt.spawn<everything>();
};

TEST_F(Handlers, each_kind_of_result_becomes_the_reply) {
  EXPECT_TRUE(e.ask(text{"x"}, 60s).get());
  EXPECT_EQ(*e.ask(3, 60s).get(), 3);
  EXPECT_EQ(*e.ask(1.5, 60s).get(), 1.5);
  EXPECT_EQ(*e.ask(std::make_unique<int>(4), 60s).get(), "4");
  EXPECT_EQ(e.ask('c', 60s).get().error(), troupe::errc::not_found);
  EXPECT_EQ(*e.ask(std::vector<int>(3), 60s).get(), "3");
  EXPECT_EQ(*e.ask(true, 60s).get(), 7);
  EXPECT_EQ(e.ask(false, 60s).get().error(), troupe::errc::invalid_argument);
}

TEST_F(Handlers, an_error_as_reply_is_no_crash) {
  EXPECT_FALSE(e.ask('c', 60s).get());
  EXPECT_EQ(*e.ask(1, 60s).get(), 1);
  EXPECT_EQ(rt.counts().failed, 0u);
}

TEST_F(Handlers, an_address_sends_and_asks_like_the_reference_that_it_was_made_from) {
  const troupe::address<text> a = e;
  const troupe::address<int(int)> b = e;
  EXPECT_EQ(a.try_send(text{"x"}), troupe::send_status::queued);
  EXPECT_EQ(*b.ask(5, 60s).get(), 5);
  EXPECT_TRUE(static_cast<const troupe::any_ref&>(a) == static_cast<const troupe::any_ref&>(b));
}

/// Counts what is done with it.
struct counted {
  counted(int& c, int& m) : copies(&c), moves(&m) {}
  counted(const counted& o) : copies(o.copies), moves(o.moves) { ++*copies; }
  counted(counted&& o) noexcept : copies(o.copies), moves(o.moves) { ++*moves; }
  counted& operator=(const counted&) = delete;
  counted& operator=(counted&&) = delete;
  ~counted() = default;
  int* copies;
  int* moves;
};

class takes_counted : public troupe::actor {
public:
  int on(const counted&) { return 1; }
};

TEST(Message, is_moved_once_when_sent_as_a_temporary_and_not_at_all_when_built_in_place) {
  troupe::runtime rt({.workers = 1});
  auto t = rt.spawn<takes_counted>();
  int copies = 0;
  int moves = 0;
  EXPECT_EQ(*t.ask(counted(copies, moves), 60s).get(), 1);
  EXPECT_EQ(copies, 0);
  EXPECT_EQ(moves, 1);
  EXPECT_EQ(*t.ask<counted>(60s, copies, moves).get(), 1);
  t.send<counted>(copies, moves);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(copies, 0);
  EXPECT_EQ(moves, 1);
  const counted kept(copies, moves);
  t.send(kept);
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(copies, 1);
}

struct order {
  std::string symbol;
  double price;
};
struct alignas(64) over_aligned {
  char bytes[64];
};

class odd_messages : public troupe::actor {
public:
  std::size_t on(const std::vector<std::any>& v) { return v.size(); }
  bool on(const over_aligned& m) { return reinterpret_cast<std::uintptr_t>(&m) % 64 == 0; }
  double on(const order& o) { return o.price; }
};

TEST(Message, arrives_as_what_it_was_sent_as) {
  troupe::runtime rt({.workers = 1});
  auto o = rt.spawn<odd_messages>();
  const std::vector<std::any> three{1, 2, 3};
  EXPECT_EQ(*o.ask(three, 60s).get(), 3u);
  for (int i = 0; i != 20; ++i) EXPECT_TRUE(*o.ask(over_aligned{}, 60s).get());
  EXPECT_EQ(*o.ask<order>(60s, "ACME", 10).get(), 10.0);  // aggregates too, with conversions
}

}  // namespace
