#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "messages.hpp"
#include "unique_fd.hpp"
#include "word_table.hpp"

namespace word_count {

/// Counts the words of files, a chunk at a time, with one buffer for all of them. Memory does not depend on the size
/// of a file, only on the length of its longest word. Not thread safe.
class file_scanner {
public:
  file_scanner();

  /// Opens a file. False if there is nothing to read; the report says why.
  bool open(const std::string& path, scan_report& report);

  /// Reads and counts one chunk of the open file. False once the file has ended or failed; it is closed then and
  /// entered in the report.
  bool step(word_table& table, scan_report& report);

private:
  // The end of a chunk that may be the begin of a word is moved in front of the next chunk, if it fits there.
  static constexpr std::size_t carry_size = word_table::huge_size;
  static constexpr std::size_t chunk_size = std::size_t{128} << 10;

  std::size_t fill();
  void scan(std::size_t got, word_table& table);
  void end_of_file(word_table& table);
  void add(const char* data, std::size_t size, word_table& table);

  std::unique_ptr<char[]> buffer_;
  char* chunk_;
  unique_fd file_;
  std::size_t expected_ = 0;  // size when opened: says that reading once more would give nothing
  std::size_t done_ = 0;
  int error_ = 0;
  bool ended_ = false;
  std::size_t carried_ = 0;  // bytes of an open word in front of the chunk
  std::string huge_;         // an open word that does not fit there
};

}  // namespace word_count
