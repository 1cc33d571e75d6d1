#include <troupe/pipeline/stock/line_source.hpp>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <troupe/base/error.hpp>
#include <troupe/pipeline/text.hpp>
#include <troupe/scheduler/this_task.hpp>

namespace troupe::pipeline::stock {

namespace {

constexpr std::size_t chunk_size = std::size_t{64} << 10;

class input_file {
public:
  explicit input_file(const std::filesystem::path& file) : name_(printable(file.native())) {
    fd_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fail("open");
  }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;
  ~input_file() { ::close(fd_); }

  // Fills the buffer; the number of bytes that came, 0 at the end.
  std::size_t read(std::vector<char>& buffer) {
    for (;;) {
      const auto n = ::read(fd_, buffer.data(), buffer.size());
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) fail("read");
    }
  }

private:
  [[noreturn]] void fail(std::string_view verb) const {
    throw troupe_error(errc::io,
                       fmt::format("cannot {} '{}': {}", verb, name_, std::generic_category().message(errno)));
  }

  std::string name_;
  int fd_;
};

}  // namespace

line_source::line_source(const context& c)
    : file_(c.get<std::filesystem::path>("file")), lines_(c.output<text_line>("lines")) {}

task<> line_source::run() {
  input_file file(file_);
  std::vector<char> chunk(chunk_size);
  std::string line;
  while (const auto n = file.read(chunk)) {
    std::string_view rest(chunk.data(), n);
    for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      line += rest.substr(0, end);
      lines_.publish(text_line{std::move(line)});
      line.clear();
      rest.remove_prefix(end + 1);
    }
    line += rest;
    if (stop_requested()) co_return;
    co_await this_task::yield();
  }
  if (!line.empty()) lines_.publish(text_line{std::move(line)});
}

}  // namespace troupe::pipeline::stock
