#pragma once

#include <dirent.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "messages.hpp"

namespace word_count {

/// Lists all regular files below a folder, a batch at a time. Links are not followed, but the root may be one. Files
/// that appear or vanish meanwhile may or may not be listed. Not thread safe.
class folder_walk {
public:
  /// Opens the root. Throws `std::system_error` if it is not a folder that can be listed.
  explicit folder_walk(const std::string& root);

  /// Appends files until the batch holds `limit` of them, and adds to the report what it saw. False once all has been
  /// listed.
  bool next(file_batch& batch, std::size_t limit, scan_report& report);

private:
  struct close_folder {
    void operator()(DIR* d) const noexcept { ::closedir(d); }
  };

  bool open_next(scan_report& report);
  void visit(const dirent& entry, file_batch& batch, scan_report& report);

  std::vector<std::string> pending_;  // folders seen and not listed yet; the one on top is next
  std::string folder_;                // path of the open one
  std::unique_ptr<DIR, close_folder> open_;
  bool announced_ = false;  // whether the batch knows the open folder
};

}  // namespace word_count
