#include <vector>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/cell_extras.hpp>

// The streams that an actor reads beside its inbox.

namespace troupe {

namespace detail {

namespace {

/// About a stream of the actor.
struct stream_envelope : envelope {
  stream_envelope(const message_ops& o, stream_reader& r) noexcept : envelope(o), reader(&r) {}
  stream_reader* reader;
};

constexpr message_ops about_stream(root_handle (*handle)(cell&, envelope&), const char* name) {
  return {.handle = handle,
          .size = sizeof(stream_envelope),
          .alignment = alignof(stream_envelope),
          .name = name,
          .system = true};
}

constexpr message_ops stream_added_ops = about_stream(
    [](cell& c, envelope& e) -> root_handle {
      c.stream_added(*static_cast<stream_envelope&>(e).reader);
      return {};
    },
    "subscription");

constexpr message_ops stream_news_ops = about_stream(
    [](cell&, envelope& e) -> root_handle {
      static_cast<stream_envelope&>(e).reader->news();
      return {};
    },
    "news");

}  // namespace

}  // namespace detail

/// A handler threw. `account` is that of its message, if anybody keeps one.
void cell::note_failure(detail::delivery_account* account) noexcept {
  core_->note_failure(*this);
  if (account) account->failed();
}

/// The same of a message of a stream that had begun.
void cell::lose_begun(detail::delivery_account* account, loss why, const char* type) noexcept {
  core_->lose(*this, why, type);
  if (account) account->lost_in_handler(why);
}

void cell::add_stream(detail::stream_reader& r) {
  (void)enqueue(*detail::make_envelope<detail::stream_envelope>(detail::stream_added_ops, r));
}

void cell::send_news(detail::stream_reader& r) noexcept {
  (void)enqueue(*detail::make_envelope<detail::stream_envelope>(detail::stream_news_ops, r));
}

void cell::stream_added(detail::stream_reader& r) {
  own_extras().streams.push_back(&r);
  has_streams_ = true;
  marked_ = r.mark() || marked_;  // N1: this message may be the only taking before one that was sent after a publish
}

void cell::stream_removed(detail::stream_reader& r) noexcept {
  std::erase(own_extras().streams, &r);
  has_streams_ = !own_extras().streams.empty();
}

}  // namespace troupe
