#pragma once

#include <deque>
#include <map>
#include <utility>

#include <troupe/actors/mailbox.hpp>

namespace troupe::detail {

/// The newest message first.
class lifo_queue {
public:
  void push(queued_message m) { messages_.push_back(std::move(m)); }
  queued_message pop() noexcept {
    if (messages_.empty()) return {};
    queued_message m = std::move(messages_.back());
    messages_.pop_back();
    return m;
  }
  queued_message drop() noexcept {
    if (messages_.empty()) return {};
    queued_message m = std::move(messages_.front());
    messages_.pop_front();
    return m;
  }

private:
  std::deque<queued_message> messages_;
};

/// The most urgent message first, of one level the oldest.
class priority_queue {
public:
  void push(queued_message m) {
    const unsigned level = m.priority().level();
    levels_[level].push_back(std::move(m));
  }
  queued_message pop() noexcept {
    for (auto& [level, messages] : levels_)
      if (!messages.empty()) return front_of(messages);
    return {};
  }
  queued_message drop() noexcept {
    for (auto l = levels_.rbegin(); l != levels_.rend(); ++l)
      if (!l->second.empty()) return front_of(l->second);
    return {};
  }

private:
  static queued_message front_of(std::deque<queued_message>& messages) noexcept {
    queued_message m = std::move(messages.front());
    messages.pop_front();
    return m;
  }

  std::map<unsigned, std::deque<queued_message>> levels_;  // few are in use at a time; they stay
};

}  // namespace troupe::detail
