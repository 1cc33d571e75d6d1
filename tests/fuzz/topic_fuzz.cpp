// libFuzzer's way in; see topic_input.hpp.

#include "topic_input.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::check_topic_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
