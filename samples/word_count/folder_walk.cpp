#include "folder_walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "unique_fd.hpp"

namespace word_count {

namespace {

/// The type of an entry as `d_type` says it; asks the file system where it does not say.
unsigned char type_of(DIR* folder, const dirent& entry) noexcept {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type;
  struct stat info {};
  if (::fstatat(::dirfd(folder), entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
  return static_cast<unsigned char>(IFTODT(info.st_mode));
}

DIR* open_folder(const std::string& path, int flags) noexcept {
  unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | flags));
  if (!fd) return nullptr;
  DIR* folder = ::fdopendir(fd.get());
  if (folder != nullptr) fd.release();
  return folder;
}

}  // namespace

folder_walk::folder_walk(const std::string& root) : folder_(root), open_(open_folder(root, 0)) {
  if (open_ == nullptr) {
    const int code = errno;
    throw std::system_error(code, std::generic_category(), "cannot list '" + root + "'");
  }
}

bool folder_walk::next(file_batch& batch, std::size_t limit, scan_report& report) {
  announced_ = false;
  while (batch.files() < limit) {
    if (open_ == nullptr && !open_next(report)) {
      if (pending_.empty()) return false;
      continue;
    }
    errno = 0;
    if (const dirent* entry = ::readdir(open_.get())) {
      visit(*entry, batch, report);
    } else {
      if (errno != 0) report.skip_one(skip::unreadable_folder);
      open_.reset();
    }
  }
  return true;
}

bool folder_walk::open_next(scan_report& report) {
  if (pending_.empty()) return false;
  folder_ = std::move(pending_.back());
  pending_.pop_back();
  announced_ = false;
  open_.reset(open_folder(folder_, O_NOFOLLOW));
  if (open_ == nullptr) report.skip_one(skip::unreadable_folder);
  return open_ != nullptr;
}

void folder_walk::visit(const dirent& entry, file_batch& batch, scan_report& report) {
  const std::string_view name = entry.d_name;
  if (name == "." || name == "..") return;
  switch (type_of(open_.get(), entry)) {
    case DT_REG:
      if (!announced_) batch.open_folder(folder_);
      announced_ = true;
      batch.add(name);
      ++report.files_found;
      break;
    case DT_DIR: {
      std::string path = folder_;
      if (path.back() != '/') path += '/';
      path += name;
      pending_.push_back(std::move(path));
      break;
    }
    case DT_LNK: report.skip_one(skip::link); break;
    case DT_FIFO: report.skip_one(skip::pipe); break;
    case DT_SOCK: report.skip_one(skip::socket); break;
    case DT_CHR:
    case DT_BLK: report.skip_one(skip::device); break;
    default: report.skip_one(skip::vanished); break;
  }
}

}  // namespace word_count
