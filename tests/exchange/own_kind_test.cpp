// A kind of exchange that Troupe does not have.

#include <troupe/exchange/router.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;

/// Every second message goes to all.
class every_second_router final : public troupe::router {
public:
  void bind(troupe::binding& b) override { all_.add(b); }
  void unbind(troupe::binding& b) override { all_.remove(b); }
  void find(const troupe::routing_facts&, troupe::route& to) const override {
    if (published_.fetch_add(1, std::memory_order_relaxed) % 2 == 0) to.add(all_.read());
  }

private:
  troupe::binding_set all_;
  mutable std::atomic<unsigned> published_{0};
};

struct every_second {
  operator troupe::exchange_kind() const noexcept {
    return {"every_second", [] { return std::unique_ptr<troupe::router>(std::make_unique<every_second_router>()); }};
  }
};

class counter : public troupe::actor {
public:
  void on(const double&) { ++n_; }
  int on(int) { return n_; }

private:
  int n_ = 0;
};

TEST(OwnKind, routes_as_its_router_says) {
  troupe::runtime rt;
  troupe::exchange<double> x(rt, "x", every_second{});
  auto a = rt.spawn<counter>();
  auto b = rt.spawn<counter>();
  auto sa = x.attach(a);
  auto sb = x.attach(b);
  for (int i = 0; i != 10; ++i) EXPECT_EQ(x.publish(1.0), i % 2 == 0 ? 2u : 0u);
  EXPECT_EQ(*b.ask(0).get(), 5);
  sb.detach();
  EXPECT_EQ(x.publish(1.0), 1u);
  EXPECT_EQ(*a.ask(0).get(), 6);
  EXPECT_EQ(x.unroutable(), 5u);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(OwnKind, is_known_by_its_name) {
  troupe::runtime rt;
  troupe::exchange<double> x(rt, "x", every_second{});
  troupe::exchange<double> again(rt, "x", every_second{});
  EXPECT_EQ(x.kind(), troupe::exchange_kind(every_second{}));
  EXPECT_NE(x.kind(), troupe::exchange_kind(troupe::topic{}));
  EXPECT_EQ(to_string(x.kind()), "every_second");
  EXPECT_EQ(troupe::exchange<double>::find(rt, "x")->kind(), x.kind());
  try {
    troupe::exchange<double>(rt, "x", troupe::topic{});
    ADD_FAILURE();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::type_mismatch);
    EXPECT_TRUE(tests::contains(
        e.what(), "exchange 'x' is a every_second exchange of double; it was asked for as a topic exchange of double"))
        << e.what();
  }
  auto a = rt.spawn<counter>();
  EXPECT_THROW((void)x.attach(a, "key"), troupe::troupe_error);
}

TEST(OwnKind, without_a_router_is_an_error) {
  troupe::runtime rt;
  const troupe::exchange_kind nothing("nothing", [] { return std::unique_ptr<troupe::router>(); });
  EXPECT_THROW(troupe::exchange<double>(rt, "x", nothing), troupe::troupe_error);
  EXPECT_FALSE(troupe::exchange<double>::find(rt, "x"));
}

}  // namespace
