// Each thread of an executor has a connection of its own, made when it first needs one: two threads ask a server on
// this machine six times over two connections.
// Python Cookbook 12.6: threading.local and LazyConnection.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <iostream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>

#include <troupe/scheduler/latch.hpp>
#include <troupe/troupe.hpp>

namespace {

class socket_fd {
public:
  explicit socket_fd(int fd) : fd_(fd) {
    if (fd_ < 0) throw std::runtime_error("no socket");
  }
  socket_fd(socket_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  socket_fd& operator=(socket_fd&&) = delete;
  ~socket_fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

sockaddr_in loopback(in_port_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = port;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

/// Answers each letter with the capital one, on as many connections as there are, one thread each.
class server {
public:
  explicit server(troupe::runtime& rt) : rt_(rt), listening_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a = loopback(0);  // a port that is free
    socklen_t size = sizeof a;
    if (bind(listening_.get(), reinterpret_cast<sockaddr*>(&a), size) != 0 || listen(listening_.get(), 8) != 0 ||
        getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&a), &size) != 0)
      throw std::runtime_error("no server");
    port_ = a.sin_port;
  }

  void run(std::stop_token stop) {
    std::stop_callback end(stop, [this] { shutdown(listening_.get(), SHUT_RDWR); });
    for (int fd = 0; (fd = accept(listening_.get(), nullptr, nullptr)) >= 0; ++connections_)
      troupe::thread(rt_, "connection", answer, socket_fd(fd));
  }

  in_port_t port() const { return port_; }
  int connections() const { return connections_; }

private:
  static void answer(const socket_fd& client) {
    for (char c = 0; read(client.get(), &c, 1) == 1;) {
      c = static_cast<char>(c - 'a' + 'A');
      if (write(client.get(), &c, 1) != 1) return;
    }
  }

  troupe::runtime& rt_;
  socket_fd listening_;
  in_port_t port_ = 0;
  std::atomic<int> connections_{0};
};

class connection {
public:
  explicit connection(in_port_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    const sockaddr_in a = loopback(port);
    if (connect(fd_.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) throw std::runtime_error("no server");
  }
  char ask(char c) const {
    if (write(fd_.get(), &c, 1) != 1 || read(fd_.get(), &c, 1) != 1) throw std::runtime_error("no answer");
    return c;
  }

private:
  socket_fd fd_;
};

connection& connection_of_this_thread(in_port_t port) {
  thread_local connection mine(port);
  return mine;
}

}  // namespace

int main() {
  troupe::runtime rt;
  server s(rt);
  troupe::thread serving(rt, "server", [&s](std::stop_token stop) { s.run(stop); });
  std::string answers;
  {
    troupe::executor pool(rt, {.max_workers = 2, .own_threads = true});
    for (const char* pair : {"ab", "cd", "ef"}) {
      troupe::latch both(2);  // so that each thread has one of the two
      const auto ask = [&](char c) {
        both.arrive_and_wait().get();
        return connection_of_this_thread(s.port()).ask(c);
      };
      auto first = pool.submit(ask, pair[0]);
      auto second = pool.submit(ask, pair[1]);
      answers += first.get().value();
      answers += second.get().value();
    }
  }  // the threads of the pool have ended, and their connections with them
  serving.request_stop();
  serving.join().value();
  std::cout << answers << " over " << s.connections() << " connections\n";
}
