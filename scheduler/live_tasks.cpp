#include <troupe/scheduler/live_tasks.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <typeinfo>

#include <troupe/scheduler/strand.hpp>

namespace troupe {

namespace {

void erase_all(std::string& text, std::string_view part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) text.erase(at, part.size());
}

task_state state_of(wait_point::kind k) noexcept {
  switch (k) {
    case wait_point::kind::sleep: return task_state::sleeping;
    case wait_point::kind::receive: return task_state::receiving;
    case wait_point::kind::other: break;
  }
  return task_state::waiting;
}

}  // namespace

std::string_view to_string(task_state state) noexcept {
  switch (state) {
    case task_state::running: return "running";
    case task_state::runnable: return "runnable";
    case task_state::sleeping: return "sleeping";
    case task_state::waiting: return "waiting";
    case task_state::receiving: return "receiving";
  }
  return "unknown";
}

std::string detail::wait_text(const wait_point& w) {
  std::string text = w.describe_wait();
  if (!text.empty()) return text;
  int failure = 0;
  char* name = abi::__cxa_demangle(typeid(w).name(), nullptr, nullptr, &failure);
  text = failure == 0 ? name : typeid(w).name();
  std::free(name);
  // troupe::detail::request_wait<troupe::event::request<void> >: the event says enough.
  for (const std::string_view part : {"troupe::", "detail::", "request_wait<"}) erase_all(text, part);
  for (const std::string_view end : {"::request", "_request"}) text.erase(std::min(text.find(end), text.size()));
  return text;
}

std::vector<task_info> live_tasks(scheduler& home) {
  std::vector<task_info> all;
  const std::vector<worker_info> workers = home.inspect();
  home.strands().for_each([&](strand& s) {
    // A number is not made for those who have none: with it comes a block that stays, and they may be a million.
    task_info info{s.root().id_if_any(), s.name(), task_state::runnable, {}};
    s.inspect_wait([&](const wait_point* w) {
      if (!w) return;
      info.state = state_of(w->wait_kind());
      info.waits_for = detail::wait_text(*w);
    });
    if (info.state == task_state::runnable && s.waits_for_message()) {
      info.state = task_state::receiving;
      info.waits_for = "a message";
    }
    if (info.state == task_state::runnable) {
      for (const worker_info& w : workers)
        if (w.subject == &s) info.state = task_state::running;
    }
    all.push_back(std::move(info));
  });
  return all;
}

}  // namespace troupe
