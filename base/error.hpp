#pragma once

#include <cstdint>
#include <exception>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <troupe/base/atomic.hpp>

namespace troupe {

/// What went wrong, as a value that a program can branch on.
enum class errc : std::uint8_t {
  timeout,           ///< the time given was over before the answer came
  closed,            ///< the other side had been closed before: the actor, the channel, the reader of a pipe
  killed,            ///< the actor was killed
  unhandled,         ///< the actor has no handler for the message in the state that it is in
  crashed,           ///< a handler, a constructor of an actor or a green thread threw
  expired,           ///< it comes late: what it was for was taken back before
  cancelled,         ///< somebody asked for the operation to stop, or the promise went without a result
  full,              ///< the mailbox or queue refused for lack of room
  empty,             ///< nothing is there now, and one did not want to wait
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

template <class T>
class result;
template <>
class result<void>;

/// An error: a code to branch on and a sentence for people. The sentence names the place and, where there is one,
/// the remedy. A word in size; copies share what they say, which never changes. Not thread safe itself; copies of one
/// error may be in different threads.
class error {
public:
  /// An error whose code speaks for it.
  explicit error(errc code) noexcept : word_(bare(code)) {}

  /// An error with a sentence, and the exception that it stands for if there is one. Where there is no memory for the
  /// sentence, the code remains.
  error(errc code, std::string message, std::exception_ptr cause = nullptr) noexcept
      : word_(message.empty() && !cause ? bare(code) : with_text(code, std::move(message), std::move(cause))) {
    if (word_ == 0) __builtin_unreachable();  // for compilers that cannot see into `with_text`
  }

  error(const error& other) noexcept : word_(other.word_) { retain(); }
  error(error&& other) noexcept : word_(other.word_) {
    if (has_text()) other.word_ = bare(told().code);
  }
  error& operator=(error other) noexcept {
    std::swap(word_, other.word_);
    return *this;
  }
  ~error() {
    if (has_text()) release_text();
  }

  /// What went wrong. Of what `result::error` gives where there is none: no value of `errc`, called "no error".
  errc code() const noexcept { return has_text() ? told().code : static_cast<errc>((word_ >> 1) - 1); }

  /// The sentence; the name of the code if none was given.
  std::string message() const {
    return has_text() && !told().message.empty() ? told().message : std::string(to_string(code()));
  }

  /// The exception that it stands for: what a green thread threw, say. Null if there is none.
  std::exception_ptr cause() const noexcept { return has_text() ? told().cause : nullptr; }

  /// Writes the sentence.
  friend std::ostream& operator<<(std::ostream& out, const error& e) { return out << e.message(); }
  /// True if the error has this code.
  friend bool operator==(const error& e, errc c) noexcept { return e.code() == c; }

private:
  template <class T>
  friend class result;

  struct text {
    atomic<std::uint32_t> refs{1};  // errors that say this
    errc code;
    std::string message;
    std::exception_ptr cause;
  };

  struct none {};
  explicit error(none) noexcept : word_(0) {}
  bool is_none() const noexcept { return word_ == 0; }

  static constexpr std::uintptr_t bare(errc code) noexcept { return (static_cast<std::uintptr_t>(code) + 1) << 1 | 1; }
  static std::uintptr_t with_text(errc code, std::string message, std::exception_ptr cause) noexcept;

#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 takes a variant's other alternative for this
#endif
  bool has_text() const noexcept { return (word_ & 1) == 0 && word_ != 0; }
#pragma GCC diagnostic pop
  text& told() const noexcept { return *reinterpret_cast<text*>(word_); }
  void retain() const noexcept {
    if (has_text()) told().refs.fetch_add(1, relaxed);
  }
  void release_text() noexcept;

  // A code, from 1 on, with the low bit set, a pointer to a `text`, or 0: no error, the success of a `result<void>`.
  std::uintptr_t word_;
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
