// expect: troupe: an actor that monitors another needs a handler on(const troupe::down&) for the news of its end
#include <troupe/troupe.hpp>

class careless : public troupe::actor {
public:
  void on(const troupe::any_ref& other) { monitor(this, other); }
};

void use(troupe::runtime& rt, const troupe::any_ref& other) { rt.spawn<careless>().send(other); }
