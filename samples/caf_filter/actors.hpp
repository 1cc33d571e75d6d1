#pragma once

#include <cstddef>
#include <string>

#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/registry.hpp>
#include <troupe/pipeline/stock/text_line.hpp>
#include <troupe/remote/caf.hpp>

namespace caf_filter {

using troupe::pipeline::stock::text_line;

/// An actor of CAF's that publishes the lines with a word in them.
class match : public caf::event_based_actor {
public:
  match(caf::actor_config& cfg, const troupe::pipeline::context& c);
  caf::behavior make_behavior() override;

private:
  std::string word_;
  troupe::publisher<text_line> matches_;
};

/// Another one, which says at the end how many lines it was sent.
class count : public caf::event_based_actor {
public:
  count(caf::actor_config& cfg, const troupe::pipeline::context& c);
  caf::behavior make_behavior() override;
  void on_exit() override;

private:
  std::size_t lines_ = 0;
  troupe::publisher<text_line> total_;
};

/// What the `troupe` command calls.
void register_classes(troupe::pipeline::registry& r);

}  // namespace caf_filter
