#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>

/// Runs a small concurrent program in all the ways in which its threads can follow one another, within bounds:
/// stateless search with iterative context bounding (Musuvathi, Qadeer et al., "Finding and reproducing Heisenbugs in
/// concurrent programs", OSDI 2008). README.md says what is explored and what is not.
///
/// X1. One thread of the program runs at a time; it gives way only at operations of `model::atomic`.
/// X2. A program does the same whenever it is given the same choices: no clocks, no random numbers, no addresses that
///     decide, no state that outlives an execution.
namespace troupe::model {

/// How far the search goes.
struct limits {
  unsigned preemptions = 2;  ///< switches away from a thread that could go on, an execution
  unsigned old_reads = 2;    ///< loads that give another value than the newest, an execution
  unsigned timeouts = 1;     ///< waits with a deadline that end by it while another thread could go on, an execution
  unsigned steps = 2'000;    ///< operations of an execution; one that has more is said never to end
  std::uint64_t executions = 3'000'000;  ///< after which the search gives up
  bool reuse_memory = false;             ///< blocks given back to the pool are given out again, the newest first
};

/// What came of a search.
struct outcome {
  std::uint64_t executions = 0;
  bool complete = false;  ///< all was seen, within the limits
  std::string failure;    ///< empty if there was none
  std::string schedule;   ///< what `explore` needs to go the same way again
  std::string trace;      ///< what each thread did
};

/// Searches. The program is the body of the first thread; it starts the others with `together`. The schedule of an
/// earlier outcome is run alone; that in the environment variable TROUPE_MODEL_REPLAY too, and its trace is printed.
/// Not thread safe.
outcome explore(const std::function<void()>& program, const limits& within = {}, const std::string& schedule = {});

/// A thread of a program.
struct part {
  const char* name;
  std::function<void()> body;
};

/// Runs the parts as threads, and returns when all have ended. Only in a program.
void together(std::initializer_list<part> parts);

/// Ends the execution as a failure unless `holds`. Only in a program.
void check(bool holds, const char* what);

/// Accesses to the atomics in this block have to be ordered as those to plain variables: for what one thread at a time
/// may use. It shows the lack of orderings that keep a load before a later store, which old values cannot show.
void expect_ordered(const void* block, std::size_t bytes);

void keep_word_for_each_thread(void* address);

/// A thread-local pointer of the code under test, so that each thread of the program has its own. Called by the program
/// before `together`.
template <class T>
void keep_for_each_thread(T*& variable) {
  static_assert(sizeof variable == sizeof(void*));
  keep_word_for_each_thread(&variable);
}

}  // namespace troupe::model
