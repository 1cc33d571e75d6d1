#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "word_table.hpp"

namespace word_count {

/// Why something below the root was not counted.
enum class skip : std::uint8_t {
  link,             ///< a symbolic link; links are not followed
  pipe,             ///< a named pipe
  socket,           ///< a socket
  device,           ///< a character or block device
  unreadable_file,  ///< the system refused to open the file
  unreadable_folder,
  vanished,    ///< gone between listing and opening
  read_error,  ///< opened, but reading failed on the way; what was read before is counted
};
inline constexpr std::size_t skip_reasons = 8;

/// A skip reason in words, for the report: "links", "pipes" and so on.
std::string_view to_string(skip reason) noexcept;

/// Regular files to read: a message of the walker. The names lie in one buffer, folder by folder, as a folder costs
/// more bytes than a name.
class file_batch {
public:
  /// Opens a folder: the files added next are in it. `path` is as `open(2)` takes it.
  void open_folder(std::string_view path);
  /// Adds a file by its name in the open folder.
  void add(std::string_view name);

  std::size_t files() const noexcept { return files_; }

  /// Goes over the files of a batch, which must live as long.
  class cursor {
  public:
    explicit cursor(const file_batch& batch) noexcept : rest_(batch.bytes_) {}

    /// The path of the next file; null after the last one. Valid until the next call.
    const std::string* next();

  private:
    std::string_view rest_;
    std::string path_;
    std::size_t folder_ = 0;  // length of the folder's path, with its slash
  };

private:
  // Records of a mark, a text and a zero byte, which no path holds.
  static constexpr char folder_mark = 'd';
  static constexpr char file_mark = 'f';
  std::string bytes_;
  std::size_t files_ = 0;
};

/// What has been done since the last report of the same actor: a message of walker and readers.
struct scan_report {
  std::uint64_t files_found = 0;  ///< regular files listed by the walker
  std::uint64_t files_done = 0;   ///< files of those that were dealt with, counted or skipped
  std::uint64_t files = 0;        ///< files counted, empty ones included
  std::uint64_t bytes = 0;        ///< bytes read
  std::array<std::uint64_t, skip_reasons> skipped{};
  std::uint64_t walks_ended = 0;
  std::uint64_t messages = 0;  ///< messages handled

  void skip_one(skip reason) noexcept { ++skipped[static_cast<std::size_t>(reason)]; }
  scan_report& operator+=(const scan_report& other) noexcept;
};

/// What one counter has: a message to the printer, cheap to copy. The words are in the order of output and view the
/// table.
struct shard_totals {
  std::shared_ptr<const word_table> table;
  std::shared_ptr<const std::vector<counted_word>> best;  ///< all words, or the most frequent if no more are wanted
  std::uint64_t words = 0;
  std::uint64_t distinct = 0;
  std::uint64_t messages = 0;  ///< messages handled
  std::size_t shards = 0;      ///< how many counters there are
};

}  // namespace word_count
