#pragma once

#include <filesystem>

#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/registry.hpp>
#include <troupe/pipeline/stock/text_line.hpp>
#include <troupe/troupe.hpp>

namespace topic_routing {

using troupe::pipeline::stock::text_line;

/// Publishes each line of a file, which is a key, a blank and a text, with its key. A line without a blank has no text.
class keyed_line_source : public troupe::loop_actor<> {
public:
  explicit keyed_line_source(const troupe::pipeline::context& c);

  /// Throws `troupe_error` (`io`) if the file cannot be read.
  troupe::task<> run() override;

private:
  std::filesystem::path file_;
  troupe::publisher<text_line> lines_;
};

/// What the `troupe` command calls.
void register_classes(troupe::pipeline::registry& r);

}  // namespace topic_routing
