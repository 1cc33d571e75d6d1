// expect: troupe: only a message that can be copied can be duplicated
#include <memory>

#include <troupe/testing/faults.hpp>

class owner : public troupe::actor {
public:
  void on(std::unique_ptr<int>) {}
};

void use(troupe::testing::faults& f, troupe::ref<owner> o) { f.duplicate<std::unique_ptr<int>>(o); }
