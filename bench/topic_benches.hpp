#pragma once

#include "common.hpp"

/// The benchmarks of topic exchanges, for `bench_troupe`.
namespace bench {

/// 10,000 bindings with wildcards over 1,000 actors, keys of 4 words: a message goes to about 100 of them, then, in
/// another exchange, to about 10. Beside it the time of a plain matcher that tests each binding.
bool publish_topic(const options& opts);

/// What an exchange with 100,000 bindings takes, patterns of 4 words.
bool topic_memory(const options& opts);

/// The longest publish while another thread binds and unbinds, at 100,000 bindings.
bool topic_stall(const options& opts);

}  // namespace bench
