#pragma once

#include <optional>
#include <utility>

#include <troupe/actors/exit_reason.hpp>
#include <troupe/base/error.hpp>

namespace troupe::detail {

/// What those learn who have asked an actor that will not answer any more. Its words are made for the first of them:
/// most actors end with nobody waiting.
class no_answer {
public:
  /// `reason` must outlive this.
  explicit no_answer(const exit_reason& reason) noexcept : after_(&reason) {}
  explicit no_answer(error why) noexcept : why_(std::move(why)) {}
  no_answer(const no_answer&) = delete;
  no_answer& operator=(const no_answer&) = delete;

  const error& why();

private:
  const exit_reason* after_ = nullptr;
  std::optional<error> why_;
};

}  // namespace troupe::detail
