#include <cstdio>
#include <troupe/troupe.hpp>

namespace {

struct add {
  int number;
};

class sum : public troupe::actor {
public:
  int on(const add& a) { return total_ += a.number; }

private:
  int total_ = 0;
};

}  // namespace

int main() {
  troupe::runtime rt;
  auto s = rt.spawn<sum>();
  s.send(add{40});
  auto answer = s.ask(add{2}, std::chrono::seconds(5)).get();
  if (!answer || *answer != 42) {
    std::printf("expected 42, got %s\n", answer ? std::to_string(*answer).c_str() : answer.error().message().c_str());
    return 1;
  }
  std::printf("%d\n", *answer);
}
