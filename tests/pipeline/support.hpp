#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <troupe/pipeline/diagnostic.hpp>

namespace troupe::testing {

/// A folder of a test's own, gone with it.
class scratch_folder {
public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe_test_XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder for the test");
    path_ = name;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  /// Writes a file and returns its path.
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

private:
  std::filesystem::path path_;
};

/// The text of a file.
inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// `line:column: message` of each diagnostic.
inline std::vector<std::string> texts(const pipeline::diagnostics& errors) {
  std::vector<std::string> all;
  for (const auto& d : errors) {
    const auto whole = pipeline::to_string(d);
    all.push_back(whole.starts_with(d.file + ":") && d.at.line != 0 ? whole.substr(d.file.size() + 1) : whole);
  }
  return all;
}

}  // namespace troupe::testing
