#pragma once

#include <chrono>
#include <string>

namespace troupe {

/// A handler, or the step of a green thread, that has kept its thread for longer than the watchdog allows.
struct stuck_handler {
  std::string worker;              ///< the name of the thread
  std::string name;                ///< the actor or green thread
  std::string handler;             ///< the message that it handles, or what it is
  std::chrono::nanoseconds since;  ///< for how long, to 10 ms
  std::string stack;  ///< where it is, a line for each function, the innermost first; empty where it could not be had
};

/// What looks for handlers that do not return. The housekeeper of a pool does it each 10 ms while anything runs; a run
/// loop has none.
///
/// For the stack it interrupts the thread by SIGURG once for each report, with SA_RESTART; where the program has a
/// handler of its own for that, reports come without. Functions have names where the executable exports them
/// (`-rdynamic`; CMake: ENABLE_EXPORTS); for others there is the place in the file, which `addr2line -Cfe FILE` names.
struct watchdog_options {
  std::chrono::nanoseconds limit{std::chrono::seconds(1)};  ///< reported once after that; 0: never
  bool stacks = true;                                       ///< whether to look where the thread is
  /// Called on the housekeeper's thread, and must be short; null: the report is a line in the log. What it throws is
  /// one.
  void (*on_stuck)(const stuck_handler&) = nullptr;
};

}  // namespace troupe
