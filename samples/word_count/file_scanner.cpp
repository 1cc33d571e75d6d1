#include "file_scanner.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "scan_words.hpp"

namespace word_count {

file_scanner::file_scanner()
    : buffer_(std::make_unique<char[]>(carry_size + chunk_size + scan_padding)), chunk_(buffer_.get() + carry_size) {}

bool file_scanner::open(const std::string& path, scan_report& report) {
  ++report.files_done;
  // What was a regular file when it was listed may be a link or a pipe by now: neither is followed nor waited for.
  file_ = unique_fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file_) {
    const int code = errno;
    if (code == EMFILE || code == ENFILE) throw std::system_error(code, std::generic_category(), "cannot open a file");
    report.skip_one(code == ENOENT || code == ENOTDIR ? skip::vanished
                    : code == ELOOP                   ? skip::link
                    : code == ENXIO                   ? skip::socket
                                                      : skip::unreadable_file);
    return false;
  }
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    report.skip_one(S_ISFIFO(info.st_mode)                           ? skip::pipe
                    : S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode) ? skip::device
                                                                     : skip::vanished);
    file_.reset();
    return false;
  }
  expected_ = static_cast<std::size_t>(info.st_size);
  done_ = 0;
  error_ = 0;
  ended_ = false;
  return true;
}

std::size_t file_scanner::fill() {
  std::size_t got = 0;
  while (got < chunk_size) {
    const ssize_t n = ::read(file_.get(), chunk_ + got, chunk_size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error_ = n < 0 ? errno : 0;
      ended_ = true;
      break;
    }
    const auto bytes = static_cast<std::size_t>(n);
    got += bytes;
    done_ += bytes;
    // A file that gave less than was asked for, and all that it had when opened, has ended. Files of /proc have a size
    // of 0 and are read to the end.
    if (got < chunk_size && done_ == expected_) {
      ended_ = true;
      break;
    }
  }
  return got;
}

bool file_scanner::step(word_table& table, scan_report& report) {
  const std::size_t got = fill();
  report.bytes += got;
  scan(got, table);
  if (!ended_) return true;

  end_of_file(table);
  file_.reset();
  if (error_ != 0) {
    report.skip_one(skip::read_error);
  } else {
    ++report.files;
  }
  return false;
}

void file_scanner::scan(std::size_t got, word_table& table) {
  const char* begin = chunk_ - carried_;
  const char* end = chunk_ + got;
  if (!huge_.empty()) {
    const char* stop = chunk_;
    while (stop < end && is_word_byte(*stop)) ++stop;
    huge_.append(chunk_, static_cast<std::size_t>(stop - chunk_));
    if (stop == end) return;
    table.add_huge(std::make_shared<const std::string>(std::exchange(huge_, {})), 1);
    begin = stop;
  }
  std::array<std::string_view, 64> words;
  std::size_t n = 0;
  const char* open = scan_words(begin, end, [&](const char* data, std::size_t size) {
    if (size > word_table::huge_size) [[unlikely]] {
      add(data, size, table);
      return;
    }
    words[n] = {data, size};
    if (++n == words.size()) {
      table.add_all(words);
      n = 0;
    }
  });
  table.add_all(std::span(words).first(n));
  carried_ = static_cast<std::size_t>(end - open);
  if (carried_ <= carry_size) {
    std::memmove(chunk_ - carried_, open, carried_);
  } else {
    huge_.assign(open, end);
    carried_ = 0;
  }
}

void file_scanner::end_of_file(word_table& table) {
  if (!huge_.empty()) {
    table.add_huge(std::make_shared<const std::string>(std::exchange(huge_, {})), 1);
  } else if (carried_ > 0) {
    add(chunk_ - carried_, carried_, table);
  }
  carried_ = 0;
}

void file_scanner::add(const char* data, std::size_t size, word_table& table) {
  if (size <= word_table::huge_size) [[likely]] {
    table.add(data, size);
  } else {
    table.add_huge(std::make_shared<const std::string>(data, size), 1);
  }
}

}  // namespace word_count
