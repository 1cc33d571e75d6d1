#include "topic_input.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

TEST(FuzzTopic, what_was_found_once_is_right_for_good) {
  std::size_t n = 0;
  for (const auto& file : std::filesystem::directory_iterator(TROUPE_SOURCE_DIR "/tests/fuzz/topic")) {
    std::ifstream in(file.path(), std::ios::binary);
    SCOPED_TRACE(file.path().string());
    fuzz::check_topic_input(std::string(std::istreambuf_iterator<char>(in), {}));
    ++n;
  }
  EXPECT_GE(n, 5u);
}

}  // namespace
