// Streams over plain ranges.

#include <troupe/exchange/stream.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace range_streams {

using troupe::from;
using ints = std::vector<int>;

const auto twice = [](int x) { return 2 * x; };
const auto even = [](int x) { return x % 2 == 0; };
const auto fails_at_3 = [](int x) {
  if (x == 3) throw std::runtime_error("three");
  return x;
};

TEST(RangeStream, map_filter_and_reduce_give_what_the_loop_gives) {
  EXPECT_EQ(from({1, 2, 3}).map([](int x) { return 2 * x; }).filter([](int x) { return x > 4; }).reduce(std::plus<>()),
            6);
  EXPECT_EQ(from({1, 2, 3}).map(twice).reduce(100, std::plus<>()), 112);
  EXPECT_EQ(from(std::views::iota(0, 10)).filter(even).to_vector(), (ints{0, 2, 4, 6, 8}));
}

TEST(RangeStream, nothing_runs_before_the_terminal_operation_and_each_runs_the_whole) {
  int calls = 0;
  const ints some{1, 2, 3};
  const auto counted = from(some).map([&](int x) { return ++calls, x; });
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(counted.to_vector(), some);
  EXPECT_EQ(counted.reduce(std::plus<>()), 6);
  EXPECT_EQ(calls, 6);
}

TEST(RangeStream, a_range_of_the_callers_is_referred_to_and_a_temporary_is_kept) {
  ints mine{1, 2};
  const auto refers = from(mine).map(twice);
  const auto keeps = from(ints{1, 2}).map(twice);
  mine.push_back(3);
  EXPECT_EQ(refers.to_vector(), (ints{2, 4, 6}));
  EXPECT_EQ(keeps.to_vector(), (ints{2, 4}));
}

TEST(RangeStream, ranges_of_all_sorts_can_be_gone_through) {
  std::istringstream text("1 2 3");
  EXPECT_EQ(from(std::ranges::istream_view<int>(text)).map(twice).to_vector(), (ints{2, 4, 6}));
  EXPECT_EQ(from(std::vector<bool>{true, false, true}).filter(std::identity()).to_vector().size(), 2u);
  const std::map<std::string, int> ages{{"Ada", 36}, {"Bob", 40}};
  EXPECT_EQ(from(ages).map(&std::pair<const std::string, int>::second).reduce(std::plus<>()), 76);
  const std::list<std::string> words{"so", "it", "goes"};
  EXPECT_EQ(from(words).map(&std::string::size).to_vector(), (std::vector<std::size_t>{2, 2, 4}));
}

TEST(RangeStream, items_and_functions_that_cannot_be_copied_are_moved) {
  std::vector<std::unique_ptr<int>> owned;
  owned.push_back(std::make_unique<int>(7));
  auto plus = std::make_unique<int>(1);
  const auto all = from(std::move(owned))
                       .map([plus = std::move(plus)](std::unique_ptr<int> p) { return *p += *plus, std::move(p); })
                       .to_vector();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(*all[0], 8);
}

TEST(RangeStream, of_a_range_of_the_callers_nothing_is_moved_out) {
  std::vector<std::string> mine{"a long text that is not kept in place"};
  const auto copies = from(mine).to_vector();
  EXPECT_EQ(copies, mine);
  EXPECT_FALSE(mine[0].empty());
}

TEST(RangeStream, scan_gives_the_sums_so_far) {
  EXPECT_EQ(from({1, 2, 3}).scan(10, std::plus<>()).to_vector(), (ints{11, 13, 16}));
}

TEST(RangeStream, take_ends_with_its_last_item_and_skip_leaves_the_first_out) {
  int seen = 0;
  EXPECT_EQ(from({1, 2, 3, 4}).map([&](int x) { return ++seen, x; }).take(2).to_vector(), (ints{1, 2}));
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(from({1, 2, 3}).take(0).to_vector(), ints{});
  EXPECT_EQ(from({1, 2, 3}).skip(2).to_vector(), ints{3});
  EXPECT_EQ(from({1, 2, 9, 1}).take_while([](int x) { return x < 5; }).to_vector(), (ints{1, 2}));
  EXPECT_EQ(from(std::views::iota(0)).skip(5).take(3).to_vector(), (ints{5, 6, 7}));  // without an end
}

TEST(RangeStream, distinct_leaves_out_what_came_before) {
  EXPECT_EQ(from({1, 1, 2, 1, 2, 3}).distinct().to_vector(), (ints{1, 2, 3}));
  EXPECT_EQ(from({1, 1, 2, 1, 1}).distinct_until_changed().to_vector(), (ints{1, 2, 1}));
}

TEST(RangeStream, distinct_beyond_its_limit_is_an_error_that_names_it) {
  try {
    (void)from({1, 2, 3}).distinct(2).to_vector();
    FAIL();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::full);
    EXPECT_NE(std::string(e.what()).find("2 different items"), std::string::npos) << e.what();
  }
}

TEST(RangeStream, flat_map_goes_through_what_the_function_returns) {
  EXPECT_EQ(from({1, 2, 3}).flat_map([](int n) { return ints(static_cast<std::size_t>(n), n); }).to_vector(),
            (ints{1, 2, 2, 3, 3, 3}));
  EXPECT_EQ(from({1, 2, 3}).flat_map([](int n) { return std::views::iota(0, n); }).take(4).to_vector(),
            (ints{0, 0, 1, 0}));
}

TEST(RangeStream, windows_hold_so_many_items_and_the_last_may_hold_fewer) {
  EXPECT_EQ(from({1, 2, 3, 4, 5}).window(2).to_vector(), (std::vector<ints>{{1, 2}, {3, 4}, {5}}));
  EXPECT_EQ(from({1, 2, 3, 4, 5}).window(2).take(1).to_vector(), (std::vector<ints>{{1, 2}}));
  EXPECT_EQ(from(ints{}).window(2).to_vector(), (std::vector<ints>{}));
}

TEST(RangeStream, what_take_has_let_through_is_still_in_the_window_behind_it) {
  EXPECT_EQ(from({1, 2, 3, 4, 5}).take(3).window(2).to_vector(), (std::vector<ints>{{1, 2}, {3}}));
}

TEST(RangeStream, sliding_windows_move_on_behind_one_at_which_somebody_has_thrown) {
  const auto fails_at_2 = [](const ints& w) {
    if (w.front() == 2) throw std::runtime_error("two");
    return w;
  };
  const auto whole = from({1, 2, 3, 4, 5, 6})
                         .window(3, 1)
                         .group_by([](const ints& w) { return w.front() == 2; },
                                   [&](bool, auto windows) { return windows.map(fails_at_2).on_error_return(ints{}); })
                         .to_vector();
  EXPECT_EQ(whole, (std::vector<ints>{{1, 2, 3}, {}, {3, 4, 5}, {4, 5, 6}}));
}

TEST(RangeStream, sliding_windows_are_whole_ones) {
  EXPECT_EQ(from({1, 2, 3, 4}).window(3, 1).to_vector(), (std::vector<ints>{{1, 2, 3}, {2, 3, 4}}));
  EXPECT_EQ(from({1, 2, 3, 4, 5, 6, 7}).window(2, 3).to_vector(), (std::vector<ints>{{1, 2}, {4, 5}}));
  EXPECT_EQ(from({1, 2}).window(3, 1).to_vector(), (std::vector<ints>{}));
}

TEST(RangeStream, a_window_of_nothing_is_refused) {
  EXPECT_THROW((void)from({1}).window(0), troupe::troupe_error);
  EXPECT_THROW((void)from({1}).window(1, 0), troupe::troupe_error);
}

struct tick {
  std::string symbol;
  int price;
};
const std::vector<tick> ticks{{"A", 1}, {"B", 10}, {"A", 3}, {"C", 7}, {"B", 20}, {"A", 5}};

TEST(RangeStream, group_by_has_a_chain_for_each_key) {
  const auto sums = from(ticks)
                        .group_by(&tick::symbol,
                                  [](const std::string& symbol, auto items) {
                                    return items.map(&tick::price).window(2).map([symbol](const ints& w) {
                                      return symbol + std::to_string(std::accumulate(w.begin(), w.end(), 0));
                                    });
                                  })
                        .to_vector();
  EXPECT_EQ(sums, (std::vector<std::string>{"A4", "B30", "A5", "C7"}));
}

TEST(RangeStream, a_chain_that_has_ended_gets_no_more_and_the_others_go_on) {
  const auto first = from(ticks).group_by(&tick::symbol, [](auto items) { return items.map(&tick::price).take(1); });
  EXPECT_EQ(first.to_vector(), (ints{1, 10, 7}));
  EXPECT_EQ(first.take(2).to_vector(), (ints{1, 10}));
}

TEST(RangeStream, one_group_too_many_is_an_error_that_names_the_limit) {
  try {
    (void)from(ticks).group_by(&tick::symbol, [](auto items) { return items; }, {.limit = 2}).to_vector();
    FAIL();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::full);
    EXPECT_NE(std::string(e.what()).find("2 groups"), std::string::npos) << e.what();
  }
}

TEST(RangeStream, merge_gives_all_of_both) {
  EXPECT_EQ(from({1, 2}).merge(from({3, 4}).map(twice)).map(twice).to_vector(), (ints{2, 4, 12, 16}));
  EXPECT_EQ(from({1, 2}).merge(from({3, 4})).take(3).to_vector(), (ints{1, 2, 3}));
  EXPECT_EQ(from({1, 2, 3}).take(1).merge(from({4})).merge(from({5, 6})).to_vector(), (ints{1, 4, 5, 6}));
  EXPECT_EQ(from({1, 2, 3}).window(2).merge(from({4}).window(2)).to_vector(), (std::vector<ints>{{1, 2}, {3}, {4}}));
}

TEST(RangeStream, zip_pairs_them_and_ends_with_the_shorter) {
  using pairs = std::vector<std::pair<int, char>>;
  EXPECT_EQ(from({1, 2, 3}).zip(from({'a', 'b'})).to_vector(), (pairs{{1, 'a'}, {2, 'b'}}));
  EXPECT_EQ(from({1, 2, 3, 4}).filter(even).zip(from({'a', 'b', 'c'})).to_vector(), (pairs{{2, 'a'}, {4, 'b'}}));
  EXPECT_EQ(from(std::views::iota(1)).zip(from({'a', 'b'})).to_vector(), (pairs{{1, 'a'}, {2, 'b'}}));
  EXPECT_EQ(from(std::views::iota(1)).zip(from({'a', 'b'})).take(1).to_vector(), (pairs{{1, 'a'}}));
}

TEST(RangeStream, an_observer_is_told_of_each_item_and_of_the_end) {
  std::vector<std::string> told;
  from({1, 2}).subscribe([&](int x) { told.push_back(std::to_string(x)); }, [&] { told.push_back("end"); });
  EXPECT_EQ(told, (std::vector<std::string>{"1", "2", "end"}));

  struct observer {
    std::vector<std::string>* to;
    void on_next(int x) { to->push_back(std::to_string(x)); }
    void on_completed() { to->push_back("end"); }
    void on_error(const troupe::error& e) { to->push_back(e.message()); }
  };
  told.clear();
  from({1, 2, 3, 4}).map(fails_at_3).subscribe(observer{&told});
  EXPECT_EQ(told, (std::vector<std::string>{"1", "2", "three"}));

  int sum = 0;
  from({1, 2}).for_each([&](int x) { sum += x; });
  EXPECT_EQ(sum, 3);
}

TEST(RangeStream, an_exception_of_a_stage_comes_out_as_it_is) {
  EXPECT_THROW((void)from({1, 2, 3}).map(fails_at_3).to_vector(), std::runtime_error);
  EXPECT_THROW(from({1, 2, 3}).subscribe(fails_at_3), std::runtime_error);
  try {
    (void)from(ints{}).reduce(std::plus<>());
    FAIL();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::empty);
  }
}

TEST(RangeStream, recover_gives_the_last_item_and_ends_the_stream) {
  EXPECT_EQ(from({1, 2, 3, 4}).map(fails_at_3).on_error_return(-1).to_vector(), (ints{1, 2, -1}));
  EXPECT_EQ(from({1, 2, 3, 4})
                .map(fails_at_3)
                .recover([](const troupe::error& e) { return static_cast<int>(e.message().size()); })
                .window(2)
                .to_vector(),
            (std::vector<ints>{{1, 2}, {5}}));
  EXPECT_EQ(from({1, 2, 3, 4}).map(fails_at_3).recover([](std::exception_ptr) { return 0; }).to_vector(),
            (ints{1, 2, 0}));
}

TEST(RangeStream, an_error_operator_answers_for_what_stands_in_front_of_it_only) {
  EXPECT_THROW((void)from({1, 2, 3}).on_error_return(-1).map(fails_at_3).to_vector(), std::runtime_error);
  EXPECT_EQ(from({1, 2, 3}).on_error_return(-1).map(fails_at_3).on_error_return(-2).to_vector(), (ints{1, 2, -2}));
  EXPECT_THROW((void)from({1, 2, 3})
                   .map(fails_at_3)
                   .recover([](const troupe::error&) -> int { throw std::logic_error("again"); })
                   .to_vector(),
               std::logic_error);
}

TEST(RangeStream, a_failure_while_a_window_is_completed_is_handled_as_any) {
  const auto sum = [](const ints& w) { return std::accumulate(w.begin(), w.end(), 0); };
  EXPECT_EQ(from({1, 1, 3}).window(2).map(sum).map(fails_at_3).on_error_return(-1).to_vector(), (ints{2, -1}));
}

TEST(RangeStream, retry_begins_anew_in_front_of_itself_and_not_behind) {
  int failures = 2;
  const auto fails_twice = [&](int x) {
    if (x == 3 && failures-- > 0) throw std::runtime_error("not yet");
    return x;
  };
  EXPECT_EQ(from({1, 2, 3}).scan(0, [](int, int x) { return x; }).map(fails_twice).retry(2).to_vector(),
            (ints{1, 2, 1, 2, 1, 2, 3}));
  failures = 1;
  EXPECT_EQ(from({1, 2, 3}).map(fails_twice).retry(1).window(3).to_vector(), (std::vector<ints>{{1, 2, 1}, {2, 3}}));
  failures = 1;
  EXPECT_EQ(from({1, 2, 3, 4}).take(3).map(fails_twice).retry(1).to_vector(), (ints{1, 2, 1, 2, 3}));
  EXPECT_THROW((void)from({1, 2, 3}).map(fails_at_3).retry(3).to_vector(), std::runtime_error);
}

TEST(RangeStream, the_outer_of_two_retries_begins_all_anew) {
  int a = 1;
  int b = 1;
  const auto fails_once = [](int& left) {
    return [&left](int x) {
      if (x == 2 && left-- > 0) throw std::runtime_error("once");
      return x;
    };
  };
  EXPECT_EQ(from({1, 2}).map(fails_once(a)).retry(1).take(4).map(fails_once(b)).retry(1).to_vector(),
            (ints{1, 1, 1, 2}));
}

TEST(RangeStream, a_failure_in_a_group_that_its_chain_handles_ends_that_group_alone) {
  const auto checked = from(ticks).group_by(&tick::symbol, [](auto items) {
    return items
        .map([](const tick& t) {
          if (t.price == 3) throw std::runtime_error("three");
          return t.price;
        })
        .on_error_return(-1);
  });
  EXPECT_EQ(checked.to_vector(), (ints{1, 10, -1, 7, 20}));
  const auto unchecked =
      from(ticks).group_by(&tick::symbol, [](auto items) { return items.map(&tick::price).map(fails_at_3); });
  EXPECT_THROW((void)unchecked.to_vector(), std::runtime_error);
  EXPECT_EQ(unchecked.on_error_return(-2).to_vector(), (ints{1, 10, -2}));
}

TEST(RangeStream, a_failure_on_one_side_of_a_merge_that_it_handles_leaves_the_other) {
  EXPECT_EQ(from({1, 3, 4}).map(fails_at_3).on_error_return(-1).merge(from({5})).to_vector(), (ints{1, -1, 5}));
  EXPECT_EQ(from({5}).merge(from({1, 3, 4}).map(fails_at_3)).on_error_return(-1).to_vector(), (ints{5, 1, -1}));
  int failures = 1;
  const auto fails_once = [&](int x) {
    if (x == 3 && failures-- > 0) throw std::runtime_error("once");
    return x;
  };
  EXPECT_EQ(from({1}).merge(from({2, 3})).map(fails_once).retry(1).to_vector(), (ints{1, 2, 1, 2, 3}));
  failures = 1;
  EXPECT_EQ(from({1}).merge(from({2, 3}).map(fails_once).retry(1)).to_vector(), (ints{1, 2, 2, 3}));
}

}  // namespace range_streams
