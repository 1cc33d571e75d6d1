#include <troupe/remote/detail/caf_reasons.hpp>

#include <string>

#include <caf/all.hpp>

namespace troupe::detail {

namespace {

constexpr caf::atom_value category = caf::atom("troupe");

std::string text_of(const caf::error& e) {
  const bool says_why = e.category() == category || e == caf::sec::runtime_error;
  if (says_why && e.context().match_elements<std::string>()) return e.context().get_as<std::string>(0);
  return caf::to_string(e);
}

}  // namespace

exit_reason from_caf_reason(const caf::error& reason) {
  if (!reason) return {};
  if (reason == caf::exit_reason::user_shutdown) return {exit_kind::shutdown};
  if (reason == caf::exit_reason::kill) return {exit_kind::killed};
  if (reason == caf::exit_reason::unhandled_exception || reason == caf::sec::runtime_error)
    return {exit_kind::crashed, text_of(reason)};
  return {exit_kind::exited, text_of(reason), reason.code()};
}

caf::error to_caf_reason(const exit_reason& reason) {
  switch (reason.kind) {
    case exit_kind::normal: return {};
    case exit_kind::shutdown: return caf::exit_reason::user_shutdown;
    case exit_kind::killed: return caf::exit_reason::kill;
    case exit_kind::crashed: return caf::make_error(caf::sec::runtime_error, reason.text);
    case exit_kind::exited: break;
  }
  // An error of CAF's with the code 0 is none.
  const auto code = static_cast<std::uint8_t>(reason.code > 0 && reason.code < 256 ? reason.code : 255);
  return {code, category, caf::make_message(reason.text)};
}

error from_caf_error(const caf::error& why) {
  if (!why) return error(errc::crashed, "CAF: an error that says nothing");
  if (why.category() == category) return error(static_cast<errc>(why.code() - 1), text_of(why));
  if (why == caf::sec::request_timeout) return error(errc::timeout, text_of(why));
  if (why == caf::sec::request_receiver_down || why == caf::exit_reason::user_shutdown)
    return error(errc::closed, "CAF: " + text_of(why));
  if (why == caf::exit_reason::kill) return error(errc::killed, "CAF: " + text_of(why));
  if (why == caf::sec::unexpected_message) return error(errc::unhandled, "the CAF actor has no handler for it");
  return error(errc::crashed, "CAF: " + text_of(why));
}

caf::error to_caf_error(const error& why) {
  switch (why.code()) {
    case errc::timeout: return caf::sec::request_timeout;
    case errc::closed:
    case errc::killed:
    case errc::shutdown: return caf::make_error(caf::sec::request_receiver_down, why.message());
    case errc::unhandled: return caf::make_error(caf::sec::unexpected_message, why.message());
    case errc::crashed: return caf::make_error(caf::sec::runtime_error, why.message());
    default: break;
  }
  return {static_cast<std::uint8_t>(static_cast<int>(why.code()) + 1), category, caf::make_message(why.message())};
}

}  // namespace troupe::detail
