#include "sync_fixture.hpp"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have an operator new of their own

namespace {
// Blocks of that size are refused to the thread; 0: none.
thread_local std::size_t refused = 0;
}  // namespace

void* operator new(std::size_t size) {
  void* const memory = size == refused && size != 0 ? nullptr : std::malloc(size);
  return memory ? memory : throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using troupe::task;

class OutOfMemory : public Synchronisation {};

TEST_F(OutOfMemory, a_green_thread_whose_name_finds_no_room_leaves_nothing_behind) {
  const auto held = std::make_shared<int>(1);
  refused = sizeof(troupe::strand_extras);
  EXPECT_THROW((void)troupe::spawn(
                   home(), {.name = "reader"}, [](std::shared_ptr<int>) -> task<> { co_return; }, held),
               std::bad_alloc);
  refused = 0;
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(home().strands().size(), 0u);
}

}  // namespace

#endif
