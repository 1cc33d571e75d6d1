#include <troupe/pipeline/stock/line_source.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <troupe/base/error.hpp>
#include <troupe/pipeline/text.hpp>
#include <troupe/scheduler/blocking.hpp>

namespace troupe::pipeline::stock {

namespace {

constexpr std::size_t chunk_size = std::size_t{64} << 10;

class input_file {
public:
  explicit input_file(const std::filesystem::path& file) : name_(printable(file.native())), chunk_(chunk_size) {
    fd_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fail("open", errno);
  }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;
  ~input_file() { ::close(fd_); }

  /// Waits for what comes next, on a pipe or terminal for as long as that takes. 0, or an error of the system.
  int read() {
    ssize_t n = 0;
    do n = ::read(fd_, chunk_.data(), chunk_.size());
    while (n < 0 && errno == EINTR);
    came_ = {chunk_.data(), static_cast<std::size_t>(n < 0 ? 0 : n)};
    return n < 0 ? errno : 0;
  }
  /// What the last `read` has brought; nothing at the end.
  std::string_view came() const noexcept { return came_; }

  [[noreturn]] void fail(std::string_view verb, int why) const {
    throw troupe_error(errc::io, fmt::format("cannot {} '{}': {}", verb, name_, std::generic_category().message(why)));
  }

private:
  std::string name_;
  std::vector<char> chunk_;
  std::string_view came_;
  int fd_;
};

}  // namespace

line_source::line_source(const context& c)
    : file_(c.get<std::filesystem::path>("file")), lines_(c.output<text_line>("lines")) {}

task<> line_source::run() {
  const auto file = std::make_shared<input_file>(file_);  // whoever reads may outlive this
  std::string line;
  for (;;) {
    auto reading = blocking(&input_file::read, file);
    const result<int> done = co_await reading;
    if (!done && done.error() == errc::cancelled) co_return;
    if (const int why = done.value()) file->fail("read", why);
    std::string_view rest = file->came();
    if (rest.empty()) break;
    for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      line += rest.substr(0, end);
      lines_.publish(text_line{std::move(line)});
      line.clear();
      rest.remove_prefix(end + 1);
    }
    line += rest;
    if (stop_requested()) co_return;
  }
  if (!line.empty()) lines_.publish(text_line{std::move(line)});
}

}  // namespace troupe::pipeline::stock
