#include <troupe/scheduler/detail/stack_trace.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <mutex>

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <fmt/format.h>

// ST1. `state` goes asked -> looking -> done in the handler of the signal, which does nothing unless it is `asked` of
//     its own thread; asked -> idle by whoever gives up. So a signal that comes late finds nothing to do.

namespace troupe::detail {

namespace {

enum class look : int { idle, asked, looking, done };

constexpr int most_frames = 64;
constexpr int frames_of_the_signal = 2;  // the handler's own, and the one that the system puts there

constinit std::mutex one_at_a_time;
// Not of the seam: a handler of signals is no thread of a model.
constinit std::atomic<look> state{look::idle};
constinit std::atomic<int> thread_asked{0};
constinit void* frames[most_frames];
constinit int depth = 0;

void on_signal(int) {
  const int saved = errno;
  look expected = look::asked;
  if (thread_asked.load(std::memory_order_acquire) == static_cast<int>(::syscall(SYS_gettid)) &&
      state.compare_exchange_strong(expected, look::looking, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    depth = ::backtrace(frames, most_frames);
    state.store(look::done, std::memory_order_release);  // pairs with the acquire of whoever asked
  }
  errno = saved;
}

/// False if somebody else uses the signal.
bool install() {
  struct sigaction present {};
  if (::sigaction(SIGURG, nullptr, &present) != 0) return false;
  if (!(present.sa_flags & SA_SIGINFO) && present.sa_handler == &on_signal) return true;
  if ((present.sa_flags & SA_SIGINFO) || (present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN)) return false;
  void* warm[1];
  (void)::backtrace(warm, 1);  // loads what it needs now, not in the handler
  struct sigaction ours {};
  ours.sa_handler = &on_signal;
  ours.sa_flags = SA_RESTART;
  return ::sigaction(SIGURG, &ours, nullptr) == 0;
}

bool wait_until_done() {
  const timespec moment{0, 200'000};
  for (int i = 0; i != 500; ++i) {
    if (state.load(std::memory_order_acquire) == look::done) return true;
    ::nanosleep(&moment, nullptr);
  }
  look expected = look::asked;
  if (state.compare_exchange_strong(expected, look::idle, std::memory_order_acq_rel, std::memory_order_acquire))
    return false;
  while (state.load(std::memory_order_acquire) != look::done) ::nanosleep(&moment, nullptr);
  return true;
}

std::string describe(void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || !info.dli_fname) return fmt::format("{}", address);
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  if (!info.dli_sname)
    return fmt::format("{}(+{:#x})", info.dli_fname, at - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
  int status = 0;
  char* plain = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
  std::string text = fmt::format("{} ({}+{:#x})", plain ? plain : info.dli_sname, info.dli_fname,
                                 at - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
  std::free(plain);
  return text;
}

}  // namespace

std::string stack_of_thread(int thread_id) {
  std::lock_guard guard(one_at_a_time);
  if (!install()) return {};
  thread_asked.store(thread_id, std::memory_order_release);
  state.store(look::asked, std::memory_order_release);
  if (::syscall(SYS_tgkill, ::getpid(), thread_id, SIGURG) != 0) {
    state.store(look::idle, std::memory_order_release);
    return {};
  }
  if (!wait_until_done()) return {};
  std::string text;
  for (int i = frames_of_the_signal; i < depth; ++i)
    text += fmt::format("{}  #{} {}", text.empty() ? "" : "\n", i - frames_of_the_signal, describe(frames[i]));
  state.store(look::idle, std::memory_order_release);
  return text;
}

}  // namespace troupe::detail
