#include <model/testing.hpp>

#include <troupe/base/atomic.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/parker.hpp>

namespace {

using namespace troupe;
using model::check;
using model::finds;
using model::holds;
using model::together;

TEST(Explorer, finds_the_update_that_is_lost_between_a_load_and_a_store) {
  const auto program = [](bool in_one) {
    return [in_one] {
      atomic<int> n{0};
      const auto add = [&] {
        if (in_one)
          n.fetch_add(1, relaxed);
        else
          n.store(n.load(relaxed) + 1, relaxed);
      };
      together({{"one", add}, {"two", add}});
      check(n.load(relaxed) == 2, "an update was lost");
    };
  };
  EXPECT_TRUE(finds("an update was lost", program(false)));
  EXPECT_TRUE(holds(program(true)));
}

TEST(Explorer, finds_that_two_enter_where_only_seq_cst_keeps_one_out) {
  const auto program = [](std::memory_order store, std::memory_order load) {
    return [=] {
      atomic<int> a{0};
      atomic<int> b{0};
      int inside = 0;
      const auto enter = [&](atomic<int>& mine, atomic<int>& other) {
        mine.store(1, store);
        if (other.load(load) == 0) ++inside;
      };
      together({{"one", [&] { enter(a, b); }}, {"two", [&] { enter(b, a); }}});
      check(inside < 2, "both are inside");
    };
  };
  EXPECT_TRUE(finds("both are inside", program(release, acquire)));
  EXPECT_TRUE(finds("both are inside", program(seq_cst, acquire)));
  EXPECT_TRUE(holds(program(seq_cst, seq_cst)));
}

TEST(Explorer, finds_messages_that_are_passed_without_release_or_acquire) {
  const auto program = [](std::memory_order store, std::memory_order load) {
    return [=] {
      atomic<int> data{0};
      atomic<bool> flag{false};
      together({{"writer",
                 [&] {
                   data.store(1, relaxed);
                   flag.store(true, store);
                 }},
                {"reader", [&] {
                   if (flag.load(load)) check(data.load(relaxed) == 1, "an old value");
                 }}});
    };
  };
  EXPECT_TRUE(finds("an old value", program(relaxed, acquire)));
  EXPECT_TRUE(finds("an old value", program(release, relaxed)));
  EXPECT_TRUE(holds(program(release, acquire)));
}

TEST(Explorer, a_read_modify_write_hands_on_what_the_one_before_it_released) {
  const auto program = [](bool as_modification) {
    return [=] {
      model::plain<int> data{0};
      atomic<int> flag{0};
      together({{"writer",
                 [&] {
                   data.set(1);
                   flag.fetch_add(1, release);
                 }},
                {"between",
                 [&] {
                   if (as_modification)
                     flag.fetch_add(2, relaxed);
                   else
                     flag.store(flag.load(relaxed) + 2, relaxed);
                 }},
                {"reader", [&] {
                   if (flag.load(acquire) == 3) check(data.get() == 1, "an old value");
                 }}});
    };
  };
  EXPECT_TRUE(holds(program(true)));
  EXPECT_TRUE(finds("a race", program(false)));
}

TEST(Explorer, reads_of_one_variable_never_go_back) {
  EXPECT_TRUE(holds([] {
    atomic<int> n{0};
    together({{"writer",
               [&] {
                 n.store(1, relaxed);
                 n.store(2, relaxed);
               }},
              {"reader", [&] {
                 const int first = n.load(relaxed);
                 check(n.load(relaxed) >= first, "went back");
               }}});
  }));
}

TEST(Explorer, two_readers_may_see_independent_writes_in_different_orders_unless_seq_cst) {
  const auto program = [](std::memory_order store, std::memory_order load) {
    return [=] {
      atomic<int> a{0};
      atomic<int> b{0};
      int disagree = 0;
      const auto look = [&](atomic<int>& first, atomic<int>& second) {
        const int one = first.load(load);
        const int two = second.load(load);
        if (one == 1 && two == 0) ++disagree;
      };
      together({{"a", [&] { a.store(1, store); }},
                {"b", [&] { b.store(1, store); }},
                {"ab", [&] { look(a, b); }},
                {"ba", [&] { look(b, a); }}});
      check(disagree < 2, "different orders");
    };
  };
  EXPECT_TRUE(finds("different orders", program(release, acquire)));
  EXPECT_TRUE(holds(program(seq_cst, seq_cst)));
}

TEST(Explorer, finds_races_of_plain_variables) {
  const auto program = [](bool locked) {
    return [locked] {
      model::plain<int> n{0};
      atomic<bool> held{false};
      const auto add = [&] {
        if (locked) {
          while (held.exchange(true, acquire)) cpu_relax();
        }
        n.set(n.get() + 1);
        if (locked) held.store(false, release);
      };
      together({{"one", add}, {"two", add}});
      check(n.get() == 2, "an update was lost");
    };
  };
  EXPECT_TRUE(finds("a race", program(false)));
  EXPECT_TRUE(holds(program(true)));
}

TEST(Explorer, finds_deadlocks_and_spins_without_end) {
  EXPECT_TRUE(finds("a deadlock", [] {
    parker p;
    together({{"sleeper", [&] { p.park(); }}});
  }));
  EXPECT_TRUE(finds("no end in sight", [] {
    atomic<bool> flag{false};
    together({{"spinner", [&] {
                 while (!flag.load(acquire)) cpu_relax();
               }}});
  }));
}

TEST(Explorer, a_thread_that_spins_lets_others_go_first) {
  EXPECT_TRUE(holds([] {
    atomic<int> turn{0};
    const auto wait_for = [&](int n) {
      while (turn.load(acquire) != n) cpu_relax();
      turn.store(n + 1, release);
    };
    together({{"third", [&] { wait_for(2); }}, {"second", [&] { wait_for(1); }}, {"first", [&] { wait_for(0); }}});
  }));
}

TEST(Explorer, finds_memory_that_is_used_after_its_end_given_back_twice_or_never) {
  struct node {
    atomic<int> n{1};
  };
  const auto make = [] { return new (pool_allocate(sizeof(node))) node; };
  const auto program = [make](std::memory_order order) {
    return [=] {
      node* shared = make();
      shared->n.store(2, relaxed);
      const auto drop = [&] {
        if (shared->n.fetch_sub(1, order) == 1) pool_free(shared, sizeof(node));
      };
      together({{"one", drop}, {"two", drop}});
    };
  };
  EXPECT_TRUE(holds(program(acq_rel)));
  EXPECT_TRUE(finds("may still use it", program(relaxed)));
  EXPECT_TRUE(finds("after its end", [make] {
    node* one = make();
    pool_free(one, sizeof(node));
    one->n.load(relaxed);
  }));
  EXPECT_TRUE(finds("not allocated", [make] {
    node* one = make();
    pool_free(one, sizeof(node));
    pool_free(one, sizeof(node));
  }));
  EXPECT_TRUE(finds("never given back", [make] { make(); }));
}

TEST(Explorer, finds_objects_that_are_published_without_their_making) {
  const auto program = [](std::memory_order order) {
    return [order] {
      atomic<atomic<int>*> published{nullptr};
      alignas(atomic<int>) unsigned char memory[sizeof(atomic<int>)];
      together({{"maker", [&] { published.store(new (memory) atomic<int>(1), order); }},
                {"user", [&] {
                   if (atomic<int>* n = published.load(acquire)) n->load(relaxed);
                 }}});
    };
  };
  EXPECT_TRUE(holds(program(release)));
  EXPECT_TRUE(finds("cannot know that it was made", program(relaxed)));
}

TEST(Explorer, says_when_it_gave_up_before_all_was_seen) {
  const auto program = [] {
    atomic<int> n{0};
    const auto add = [&] { n.fetch_add(1, relaxed); };
    together({{"one", add}, {"two", add}});
  };
  EXPECT_FALSE(model::explore(program, {.executions = 1}).complete);
  EXPECT_TRUE(model::explore(program).complete);
}

TEST(Explorer, each_thread_has_thread_locals_of_its_own) {
  static thread_local int* mine = nullptr;
  EXPECT_TRUE(holds([] {
    model::keep_for_each_thread(mine);
    atomic<int> n{0};
    const auto look = [&] {
      int here = 0;
      check(mine == nullptr, "not its own");
      mine = &here;
      n.fetch_add(1, relaxed);
      check(mine == &here, "not its own");
    };
    together({{"one", look}, {"two", look}});
  }));
}

}  // namespace
