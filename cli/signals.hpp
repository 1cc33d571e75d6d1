#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace troupe::cli {

/// Turns Ctrl-C (SIGINT) and SIGTERM into a stop request, and the second of them into the end of the process. Make it
/// before any other thread: it blocks the signals in the thread that makes it and in those made later. Its own thread
/// is named "signals".
class signal_watch {
public:
  /// Throws `std::system_error` where the system refuses a descriptor or a thread.
  explicit signal_watch(std::stop_source stop);
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;
  ~signal_watch();

  /// The first signal that came; 0 while none did.
  int received() const noexcept { return received_.load(std::memory_order_relaxed); }

private:
  void watch();

  std::stop_source stop_;
  int signals_ = -1;  // signalfd
  int end_ = -1;      // eventfd: the watch is over
  // 0 -> a signal's number, once. Relaxed: it carries nothing but itself; the stop request orders the rest.
  std::atomic<int> received_{0};
  std::thread thread_;
};

}  // namespace troupe::cli
