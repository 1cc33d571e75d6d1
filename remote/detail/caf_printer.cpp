#include <troupe/remote/detail/caf_printer.hpp>

#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include <caf/all.hpp>

#include <troupe/base/log.hpp>

namespace troupe::detail {

namespace {

/// Where lines go, shared by all who are redirected to the same place: it is closed with the last of them.
using line_sink = std::function<void(std::string&&)>;
using shared_sink = std::shared_ptr<line_sink>;

class caf_printer final : public caf::event_based_actor {
public:
  explicit caf_printer(caf::actor_config& config) : event_based_actor(config) {}

  const char* name() const override { return "printer_actor"; }

  caf::behavior make_behavior() override {
    return {
        [this](caf::add_atom, caf::actor_id who, std::string& text) {
          if (text.empty() || who == caf::invalid_actor_id) return;
          output& out = outputs_[who];
          out.line += text;
          if (out.line.back() == '\n') write(out);
        },
        [this](caf::flush_atom, caf::actor_id who) {
          if (const auto found = outputs_.find(who); found != outputs_.end()) write(found->second);
        },
        [this](caf::delete_atom, caf::actor_id who) {
          const auto found = outputs_.find(who);
          if (found == outputs_.end()) return;
          write(found->second);
          outputs_.erase(found);
        },
        [this](caf::redirect_atom, const std::string& file, int flags) { all_to_ = sink(file, flags); },
        [this](caf::redirect_atom, caf::actor_id who, const std::string& file, int flags) {
          if (who != caf::invalid_actor_id) outputs_[who].to = sink(file, flags);
        },
    };
  }

private:
  /// What one actor writes: the line that it has begun, and where it goes; null: to where all go.
  struct output {
    std::string line;
    shared_sink to;
  };

  void write(output& out) {
    if (out.line.empty()) return;
    if (const shared_sink to = out.to ? out.to : all_to_)
      (*to)(std::move(out.line));
    else
      std::cout << out.line << std::flush;
    out.line.clear();
  }

  /// A name that begins with a colon is that of a group; an empty one takes the redirection back.
  shared_sink sink(const std::string& file, int flags) {
    if (file.empty()) return nullptr;
    std::weak_ptr<line_sink>& known = sinks_[file];
    if (shared_sink open = known.lock()) return open;
    shared_sink fresh;
    if (file.front() == ':') {
      fresh = std::make_shared<line_sink>([to = system().groups().get_local(file), file](std::string&& line) {
        caf::anon_send(to, file, std::move(line));
      });
    } else {
      const bool append = (flags & caf::actor_ostream::append) != 0;
      auto to = std::make_shared<std::ofstream>(file, append ? std::ios::out | std::ios::app : std::ios::out);
      if (!to->is_open()) {
        log_line("caf::aout: cannot open '" + file + "'");
        return nullptr;
      }
      fresh = std::make_shared<line_sink>([to](std::string&& line) { *to << line << std::flush; });
    }
    known = fresh;
    return fresh;
  }

  std::unordered_map<caf::actor_id, output> outputs_;
  std::map<std::string, std::weak_ptr<line_sink>> sinks_;
  shared_sink all_to_;
};

}  // namespace

caf::actor spawn_caf_printer(caf::actor_system& system) { return system.spawn<caf_printer, caf::hidden>(); }

}  // namespace troupe::detail
