#pragma once

#include "common.hpp"

namespace bench {

/// fib: the 30th Fibonacci number by a fork for each sum, without a cutoff; nanoseconds a call.
bool fib(const options& opts);

}  // namespace bench
