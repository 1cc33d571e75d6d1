#pragma once

#include <optional>

#include <troupe/actors/exit_reason.hpp>
#include <troupe/base/error.hpp>

namespace troupe::detail {

/// What those learn who have asked an actor that will not answer any more. Its words are made for the first of them:
/// most actors end with nobody waiting, and most messages that come too late ask nothing.
class no_answer {
public:
  /// `reason` must outlive this.
  explicit no_answer(const exit_reason& reason) noexcept : after_(&reason) {}
  /// `words` must outlive this.
  no_answer(errc code, const char* words) noexcept : code_(code), words_(words) {}
  no_answer(const no_answer&) = delete;
  no_answer& operator=(const no_answer&) = delete;

  /// That of `why()`, which it does not make.
  errc code() const noexcept;
  const error& why() noexcept;

private:
  const exit_reason* after_ = nullptr;
  errc code_ = errc::closed;  // unless there is a reason, as the next
  const char* words_ = nullptr;
  std::optional<error> why_;
};

}  // namespace troupe::detail
