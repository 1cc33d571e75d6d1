#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace journals {

/// What happens to the actors of a test, in order.
class journal {
public:
  void write(std::string entry) {
    std::lock_guard guard(mutex_);
    entries_.push_back(std::move(entry));
  }
  std::vector<std::string> take() {
    std::lock_guard guard(mutex_);
    return std::exchange(entries_, {});
  }

  std::size_t size() const {
    std::lock_guard guard(mutex_);
    return entries_.size();
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> entries_;
};

using entries = std::vector<std::string>;

}  // namespace journals
