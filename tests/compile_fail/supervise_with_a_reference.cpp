// expect: give std::ref(x) for a reference to x
#include <troupe/troupe.hpp>

class tally : public troupe::actor {
public:
  explicit tally(int& sum) : sum_(sum) {}
  void on(int n) { sum_ += n; }

private:
  int& sum_;
};

void use(const troupe::supervisor& sup, int& sum) { sup.spawn<tally>(sum); }
