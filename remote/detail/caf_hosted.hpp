#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <caf/all.hpp>

namespace troupe::detail {

/// In place of CAF's, which print to the standard output: the first message without a handler is a line in the log, and
/// an exception's text is that of the end.
void log_if_default(caf::scheduled_actor::default_handler& h);
void tell_if_default(caf::scheduled_actor::exception_handler& h);

/// A C as it runs in a pipeline. What handlers it sets for such cases itself stay.
template <class C>
class caf_hosted : public C {
public:
  template <class... Args>
  explicit caf_hosted(caf::actor_config& config, Args&&... args) : C(config, std::forward<Args>(args)...) {
    log_if_default(this->default_handler_);
    tell_if_default(this->exception_handler_);
  }
};

template <class C>
using caf_class_to_spawn =
    std::conditional_t<std::derived_from<C, caf::scheduled_actor> && !std::is_final_v<C>, caf_hosted<C>, C>;

}  // namespace troupe::detail
