#include "messages.hpp"

namespace word_count {

std::string_view to_string(skip reason) noexcept {
  switch (reason) {
    case skip::link: return "links";
    case skip::pipe: return "pipes";
    case skip::socket: return "sockets";
    case skip::device: return "devices";
    case skip::unreadable_file: return "unreadable files";
    case skip::unreadable_folder: return "unreadable folders";
    case skip::vanished: return "vanished files";
    case skip::read_error: return "read errors";
  }
  return "unknown";
}

void file_batch::open_folder(std::string_view path) {
  bytes_ += folder_mark;
  bytes_ += path;
  bytes_ += '\0';
}

void file_batch::add(std::string_view name) {
  bytes_ += file_mark;
  bytes_ += name;
  bytes_ += '\0';
  ++files_;
}

const std::string* file_batch::cursor::next() {
  while (!rest_.empty()) {
    const bool opens_folder = rest_.front() == folder_mark;
    const auto end = rest_.find('\0');
    path_.resize(opens_folder ? 0 : folder_);
    path_ += rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    if (!opens_folder) return &path_;
    if (path_.back() != '/') path_ += '/';
    folder_ = path_.size();
  }
  return nullptr;
}

scan_report& scan_report::operator+=(const scan_report& other) noexcept {
  files_found += other.files_found;
  files_done += other.files_done;
  files += other.files;
  bytes += other.bytes;
  walks_ended += other.walks_ended;
  messages += other.messages;
  for (std::size_t i = 0; i < skip_reasons; ++i) skipped[i] += other.skipped[i];
  return *this;
}

}  // namespace word_count
