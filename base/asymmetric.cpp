#include <troupe/base/asymmetric.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe {

namespace {

bool register_process() noexcept {
#ifdef TROUPE_DETAIL_SYMMETRIC
  return false;
#else
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
#endif
}

}  // namespace

bool detail::asymmetric_barriers = register_process();

void heavy_barrier() noexcept {
  if (detail::asymmetric_barriers) syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

}  // namespace troupe
