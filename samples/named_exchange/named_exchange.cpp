// A named exchange passes what is published to whoever is attached at that moment.
//
// Those who publish and those who subscribe share the name of an exchange and know nothing of each other. So a
// diagnostic subscriber, which numbers what it sees, can be attached to a program that runs, and detached again,
// and nobody else notices. A subscription ends with its `detach`, or when it is destroyed. What is still queued
// for a subscriber at that moment it never sees, so here `run` lets everything arrive first.

#include <iostream>
#include <string>

#include <troupe/troupe.hpp>

namespace {

class listener : public troupe::actor {
public:
  void on(const std::string& text) { std::cout << name() << " hears '" << text << "'\n"; }
};

class diagnostics : public troupe::actor {
public:
  void on(const std::string& text) { std::cout << "msg[" << ++seen_ << "]: '" << text << "'\n"; }

private:
  int seen_ = 0;
};

/// Knows the exchange by its name alone.
void say(troupe::runtime& rt, const std::string& text) {
  troupe::exchange<std::string>(rt, "talk").publish(text);
  rt.run();
}

}  // namespace

int main() {
  troupe::runtime rt({.scheduling = troupe::schedule::round_robin});
  troupe::exchange<std::string> talk(rt, "talk");

  auto ann = talk.attach(rt.spawn_named<listener>("ann"));
  auto bob = talk.attach(rt.spawn_named<listener>("bob"));
  say(rt, "hello");

  auto watch = talk.attach(rt.spawn<diagnostics>());
  say(rt, "some");
  say(rt, "more");

  bob.detach();
  say(rt, "without bob");

  watch.detach();
  say(rt, "unwatched");
}
