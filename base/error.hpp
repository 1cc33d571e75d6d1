#pragma once

#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

/// What went wrong, as a value that a program can branch on.
enum class errc : std::uint8_t {
  timeout,           ///< the time given was over before the answer came
  closed,            ///< the other side had been closed before: the actor, the channel, the reader of a pipe
  killed,            ///< the actor was killed
  crashed,           ///< a handler, a constructor of an actor or a green thread threw
  cancelled,         ///< somebody asked for the operation to stop, or the promise went without a result
  full,              ///< the mailbox or queue refused for lack of room
  deadlock,          ///< the wait could never have ended: nothing is left that could end it
  would_deadlock,    ///< the wait would block the very thread that has to end it, so it was not begun
  not_found,         ///< no such name
  already_exists,    ///< the name is taken
  type_mismatch,     ///< the name stands for something of another type or kind
  invalid_argument,  ///< a value out of range, a malformed pattern
  shutdown,          ///< the runtime is shutting down or gone
  io,                ///< the operating system refused
};

/// The name of a code, such as "timeout".
std::string_view to_string(errc code) noexcept;

/// An error: a code to branch on and a sentence for people. The sentence names the place and, where there is one,
/// the remedy.
class error {
public:
  /// An error; without a sentence its code speaks for it.
  explicit error(errc code, std::string message = {}) : message_(std::move(message)), code_(code) {}

  /// What went wrong.
  errc code() const noexcept { return code_; }

  /// The sentence; the name of the code if none was given.
  std::string message() const { return message_.empty() ? std::string(to_string(code_)) : message_; }

  /// Writes the sentence.
  friend std::ostream& operator<<(std::ostream& out, const error& e) { return out << e.message(); }
  /// True if the error has this code.
  friend bool operator==(const error& e, errc c) noexcept { return e.code_ == c; }

private:
  std::string message_;
  errc code_;
};

/// Thrown by `result::value()` on an error, and where a constructor has no other way to fail.
class troupe_error : public std::runtime_error {
public:
  /// Carries an error; `what()` is its sentence.
  explicit troupe_error(error e) : std::runtime_error(e.message()), error_(std::move(e)) {}
  troupe_error(errc code, std::string message) : troupe_error(error(code, std::move(message))) {}

  /// The error that it carries.
  const error& what_error() const noexcept { return error_; }
  /// Its code.
  errc code() const noexcept { return error_.code(); }

private:
  error error_;
};

}  // namespace troupe
