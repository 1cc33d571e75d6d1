#pragma once

#include <ucontext.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <model/explorer.hpp>
#include <model/memory.hpp>

/// The scheduler of the explorer: one execution at a time, each thread of the program on a stack of its own.
///
/// N1. `path_` holds the choices made so far, each as "this one of so many". The search is depth first: the next
///     execution repeats them up to the last one that has another left, and takes that.
/// N2. A thread that spins is left out until another has changed a variable, or until nobody else can go on; then those
///     who spin take turns. No execution spins for ever because of the order of threads alone.
/// N3. An execution that fails is left where it stands: its stacks are not unwound.
namespace troupe::model {

class engine {
public:
  engine();

  outcome search(const std::function<void()>& program, const limits& within);
  outcome replay(const std::function<void()>& program, const limits& within, const std::string& schedule);

  // --- for the threads of the program ---------------------------------------------------------------------------

  bool runs() const noexcept { return in_execution_; }
  std::uint32_t execution() const noexcept { return execution_; }
  unsigned thread() const noexcept { return running_; }
  memory& variables() noexcept { return memory_; }

  /// The running thread is about to do an operation: another one may go first.
  void step();
  /// A variable has changed: those who spin may look again.
  void changed() noexcept;
  void relax();
  /// Blocks until `wake`; false if it ended by a timeout.
  bool wait(const void* on, bool may_time_out);
  void wake(const void* on) noexcept;
  void together(std::initializer_list<part> parts);
  void keep_word(void* address);
  void fail(std::string why);

  void* allocate(std::size_t bytes);
  void free(void* block, std::size_t bytes);

  /// For the trace.
  bool tracing() const noexcept { return tracing_; }
  void trace(const std::string& text);

private:
  enum class state : std::uint8_t { ready, waiting, joining, ended };
  struct thread_state {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    std::function<void()> body;
    std::string name;
    state now = state::ended;
    bool spins = false;   // N2
    unsigned rounds = 0;  // N2: how often it was let go on without a change
    bool times_out = false;
    bool timed_out = false;
    const void* waits_on = nullptr;
    unsigned parent = 0;
    unsigned children = 0;
    std::vector<void*> words;
  };
  struct choice {
    unsigned chosen;
    unsigned of;
  };
  struct block {
    void* memory;
    std::size_t bytes;
    bool free;
  };

  void run(const std::function<void()>& program, const limits& within);
  bool next_path();
  std::string schedule() const;
  unsigned choose(unsigned n);
  void give_way();
  void switch_to(unsigned t);
  unsigned start(std::string name, std::function<void()> body);
  void body_of_thread();
  static void entry();
  void end_execution();

  limits within_;
  unsigned preemption_bound_ = 0;
  std::vector<choice> path_;
  std::size_t depth_ = 0;

  bool in_execution_ = false;
  std::uint32_t execution_ = 0;
  ucontext_t home_;
  std::array<thread_state, max_threads> threads_;
  unsigned used_ = 0;
  unsigned running_ = 0;
  unsigned preemptions_left_ = 0;
  unsigned timeouts_left_ = 0;
  unsigned steps_ = 0;
  memory memory_;
  std::vector<void*> words_;  // the thread-local variables that each thread has for itself
  std::vector<block> blocks_;
  std::string failure_;
  bool tracing_ = false;
  std::string trace_;
};

/// The one engine of the process.
engine& the_engine();

}  // namespace troupe::model
