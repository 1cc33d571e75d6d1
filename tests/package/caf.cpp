#include <troupe/remote/caf.hpp>

int main() {
  troupe::runtime rt;
  troupe::caf_system sys(rt);
  const auto doubler =
      sys->spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int i) { return 2 * i; }}; });
  const auto ref = sys.to_troupe<int(int)>(doubler);
  const bool right = ref.ask(21, std::chrono::seconds(10)).get().value() == 42;
  ref.close();
  return right ? 0 : 1;
}
