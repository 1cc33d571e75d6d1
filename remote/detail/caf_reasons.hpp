#pragma once

#include <caf/error.hpp>

#include <troupe/actors/exit_reason.hpp>
#include <troupe/base/error.hpp>

/// Ends and errors in the words of the other side. What has no word there crosses as an error of the category "troupe",
/// with its number and text, and comes back as it was.
namespace troupe::detail {

/// Why an actor ended: `none` and `user_shutdown` are ends in peace.
exit_reason from_caf_reason(const caf::error& reason);
caf::error to_caf_reason(const exit_reason& reason);

/// Why there is no answer.
error from_caf_error(const caf::error& why);
caf::error to_caf_error(const error& why);

}  // namespace troupe::detail
