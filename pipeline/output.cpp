#include <troupe/pipeline/output.hpp>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline {

namespace {

constexpr std::size_t buffer_size = std::size_t{64} << 10;

std::string system_message(int code) { return std::generic_category().message(code); }

error cannot_create(const std::string& name, int code) {
  return error(errc::io, fmt::format("cannot create {}: {}", name, system_message(code)));
}

/// Makes a new file in a folder; its name is in `file` then. -1 where that fails.
int make_temporary(const std::filesystem::path& folder, mode_t mode, std::filesystem::path& file) {
  static std::atomic<unsigned> last{0};  // relaxed: a number, nothing more
  for (;;) {
    file = folder / fmt::format(".troupe-{}-{}", ::getpid(), last.fetch_add(1, std::memory_order_relaxed));
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
}

}  // namespace

output::output(int fd, bool owned, bool by_line, std::string name)
    : fd_(fd), owned_(owned), by_line_(by_line), name_(std::move(name)) {}

output output::standard() { return {STDOUT_FILENO, false, ::isatty(STDOUT_FILENO) == 1, "standard output"}; }

result<output> output::create(const std::filesystem::path& file) {
  auto name = fmt::format("'{}'", printable(file.native()));
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return cannot_create(name, errno);
  return output(fd, true, false, std::move(name));
}

result<output> output::replace(const std::filesystem::path& file) {
  auto name = fmt::format("'{}'", printable(file.native()));
  struct stat old {};
  const bool exists = ::stat(file.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) return cannot_create(name, errno);
  if (exists ? !S_ISREG(old.st_mode) : !file.has_filename()) return create(file);
  if (exists && ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0) return cannot_create(name, errno);
  // A link stays: what it leads to is replaced.
  std::error_code none;
  const auto target = exists ? std::filesystem::canonical(file, none) : file;
  if (none) return cannot_create(name, none.value());
  std::filesystem::path written;
  const int fd = make_temporary(target.parent_path(), 0666, written);
  if (fd < 0) return cannot_create(name, errno);
  output out(fd, true, false, std::move(name));
  out.written_ = std::move(written);
  out.target_ = target;
  if (exists && ::fchmod(fd, old.st_mode & 07777) != 0) return cannot_create(out.name_, errno);
  return out;
}

output::output(output&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      owned_(other.owned_),
      by_line_(other.by_line_),
      error_(other.error_),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      written_(std::exchange(other.written_, {})),
      target_(std::move(other.target_)) {}

output& output::operator=(output&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(owned_, other.owned_);
  std::swap(by_line_, other.by_line_);
  std::swap(error_, other.error_);
  name_.swap(other.name_);
  buffer_.swap(other.buffer_);
  written_.swap(other.written_);
  target_.swap(other.target_);
  return *this;
}

output::~output() {
  if (owned_ && fd_ >= 0) ::close(fd_);
  discard();
}

void output::discard() noexcept {
  if (!written_.empty()) ::unlink(written_.c_str());
  written_.clear();
}

result<void> output::fail(int code) {
  error_ = code;
  buffer_.clear();
  if (code == EPIPE) return error(errc::closed, fmt::format("cannot write to {}: its reader has closed it", name_));
  return error(errc::io, fmt::format("cannot write to {}: {}", name_, system_message(code)));
}

result<void> output::write(std::string_view bytes) {
  if (error_ != 0) return fail(error_);
  buffer_ += bytes;
  if (buffer_.size() >= buffer_size || (by_line_ && bytes.find('\n') != bytes.npos)) return flush();
  return {};
}

result<void> output::flush() {
  if (error_ != 0) return fail(error_);
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const auto n = ::write(fd_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {  // somebody made the pipe non-blocking
      pollfd writable{fd_, POLLOUT, 0};
      if (::poll(&writable, 1, -1) < 0 && errno != EINTR) return fail(errno);
    } else if (errno != EINTR) {
      return fail(errno);
    }
  }
  buffer_.clear();
  return {};
}

result<void> output::finish() {
  if (auto flushed = flush(); !flushed) return flushed;
  if (!owned_ || fd_ < 0) return {};
  // Some file systems tell only now that the disk is full.
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) return fail(errno);
  if (written_.empty()) return {};
  if (::rename(written_.c_str(), target_.c_str()) != 0) return fail(errno);
  written_.clear();
  return {};
}

}  // namespace troupe::pipeline
