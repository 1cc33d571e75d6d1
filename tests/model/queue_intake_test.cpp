#include <array>
#include <cstdint>
#include <vector>

#include <model/testing.hpp>

#include <troupe/exchange/detail/queue_intake.hpp>
#include <troupe/scheduler/parker.hpp>

namespace {

using namespace troupe;
using detail::ack_node;
using detail::node_fifo;
using detail::queue_intake;
using model::check;
using model::holds;
using model::together;

constexpr auto nothing_to_count = [] {};

/// `number` stands for its address, and chooses the lane: the same in each run.
struct publisher {
  std::uintptr_t number;
  std::array<ack_node, 2> messages{};

  /// False if the intake is closed.
  bool leave(queue_intake& in, std::size_t i, parker& consumer) {
    const auto how = in.push(messages[i], reinterpret_cast<const void*>(number), nothing_to_count);
    if (how == queue_intake::pushed::here_tell) consumer.unpark();
    return how != queue_intake::pushed::closed;
  }
};

/// What a consumer has taken.
class taken {
public:
  std::size_t take_all(queue_intake& in) {
    const std::size_t before = all_.size();
    in.take([this](node_fifo&& some) { add(std::move(some)); });
    return all_.size() - before;
  }
  void close(queue_intake& in) {
    in.close([this](node_fifo&& some) { add(std::move(some)); });
  }
  std::size_t size() const { return all_.size(); }
  bool has(const ack_node& n) const { return place_of(n) != all_.size(); }
  bool in_order(const publisher& p) const { return place_of(p.messages[0]) < place_of(p.messages[1]); }

private:
  void add(node_fifo&& some) {
    while (some.size() != 0) all_.push_back(some.pop_front());
  }
  std::size_t place_of(const ack_node& n) const {
    std::size_t i = 0;
    while (i != all_.size() && all_[i] != &n) ++i;
    return i;
  }
  std::vector<const ack_node*> all_;
};

TEST(QueueIntakeModel, a_consumer_that_goes_idle_is_told_of_what_it_has_not_seen) {
  EXPECT_TRUE(holds([] {
    queue_intake in(true);
    publisher one{64}, two{128};
    taken got;
    parker consumer;
    together({{"consumer",
               [&] {
                 while (got.size() != 3) {
                   if (got.take_all(in) != 0) continue;
                   in.say_idle(true);
                   if (in.empty()) consumer.park();
                   in.say_idle(false);
                 }
               }},
              {"one",
               [&] {
                 one.leave(in, 0, consumer);
                 one.leave(in, 1, consumer);
               }},
              {"two", [&] { two.leave(in, 0, consumer); }}});
    check(got.in_order(one), "QI1");
    check(in.empty() && in.size() == 0, "QI2");
    check(in.pushed_so_far() == 3, "it counts what has come");
  }));
}

TEST(QueueIntakeModel, what_is_nobody_s_yet_is_seen_while_it_is_moved) {
  EXPECT_TRUE(holds([] {
    queue_intake in(true);
    publisher one{64};
    taken got;
    parker nobody;
    atomic<bool> published{false};
    together({{"publisher",
               [&] {
                 one.leave(in, 0, nobody);
                 one.leave(in, 1, nobody);
                 published.store(true, release);
               }},
              {"consumer of one",
               [&] {
                 const std::size_t n = got.take_all(in);
                 if (n != 0) in.say_waiting(n - 1);
               }},
              {"who was told", [&] {
                 if (published.load(acquire)) check(!in.nothing_waits(), "QI5: one of the two waits in any case");
               }}});
  }));
}

TEST(QueueIntakeModel, what_is_left_when_it_closes_is_handed_out_and_nothing_comes_after_it) {
  EXPECT_TRUE(holds([] {
    queue_intake in(true);
    publisher one{64};
    taken got;
    parker nobody;
    std::array<bool, 2> accepted{};
    together({{"publisher",
               [&] {
                 accepted[0] = one.leave(in, 0, nobody);
                 accepted[1] = one.leave(in, 1, nobody);
               }},
              {"closer", [&] { got.close(in); }}});
    check(got.has(one.messages[0]) == accepted[0], "the first");
    check(got.has(one.messages[1]) == accepted[1], "the second");
    check(in.empty(), "nothing is left behind");
  }));
}

TEST(QueueIntakeModel, two_that_share_a_lane_make_it_once) {
  EXPECT_TRUE(holds([] {
    queue_intake in(false);
    publisher one{64}, two{128};
    taken got;
    parker nobody;
    together({{"one", [&] { one.leave(in, 0, nobody); }}, {"two", [&] { two.leave(in, 0, nobody); }}});
    got.take_all(in);
    check(got.has(one.messages[0]) && got.has(two.messages[0]), "both are there");
  }));
}

}  // namespace
