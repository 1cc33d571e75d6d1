#pragma once

#include <filesystem>

#include <troupe/actors/actor.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/stock/text_line.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe::pipeline::stock {

/// Reads the file of parameter `file` and publishes its lines on port `lines`, in order. A last line without an end
/// counts. Fails where the file cannot be read.
class line_source final : public loop_actor<> {
public:
  explicit line_source(const context& c);

  task<> run() override;

private:
  std::filesystem::path file_;
  publisher<text_line> lines_;
};

}  // namespace troupe::pipeline::stock
