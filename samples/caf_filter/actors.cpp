#include "actors.hpp"

namespace caf_filter {

match::match(caf::actor_config& cfg, const troupe::pipeline::context& c)
    : event_based_actor(cfg), word_(c.get<std::string>("word")), matches_(c.output<text_line>("matches")) {}

caf::behavior match::make_behavior() {
  return {[this](const text_line& line) {
    if (line.text.find(word_) != std::string::npos) matches_.publish(line);
  }};
}

count::count(caf::actor_config& cfg, const troupe::pipeline::context& c)
    : event_based_actor(cfg), total_(c.output<text_line>("total")) {}

caf::behavior count::make_behavior() {
  return {[this](const text_line&) { ++lines_; }};
}

void count::on_exit() {
  total_.publish({std::to_string(lines_)});
  total_ = {};
}

void register_classes(troupe::pipeline::registry& r) {
  using troupe::caf_class;
  r.message<text_line>("text_line");
  r.actor<caf_class<match, text_line>>("caf_match", "Publishes the lines with a word in them; an actor of CAF's")
      .parameter<std::string>("word", "What to look for")
      .input<text_line>()
      .output<text_line>("matches");
  r.actor<caf_class<count, text_line>>("caf_count", "Says at the end how many lines it was sent; an actor of CAF's")
      .input<text_line>()
      .output<text_line>("total");
}

}  // namespace caf_filter
