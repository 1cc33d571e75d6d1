#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string_view>
#include <thread>

#include <unistd.h>

/// What the tests of several folders share. Needs nothing of Troupe: the tests of base/ use it too.
namespace tests {

/// Waits until `condition` holds, for at most a minute.
template <class Condition>
bool eventually(Condition condition) {
  using namespace std::chrono_literals;
  const auto give_up = std::chrono::steady_clock::now() + 1min;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

inline bool contains(std::string_view text, std::string_view words) { return text.find(words) != text.npos; }

/// The memory of the process that is in the machine's.
inline std::uint64_t resident_bytes() {
  std::uint64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace tests
