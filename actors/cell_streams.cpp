#include <cstddef>
#include <utility>
#include <vector>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/slice_count.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/worker.hpp>

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

bool cell::mark_streams() noexcept {
  bool unread = false;
  for (detail::stream_reader* r : own_extras().streams) unread = r->mark() || unread;
  return unread;
}

bool cell::look_at_streams() noexcept {
  bool unread = false;
  for (detail::stream_reader* r : own_extras().streams) unread = r->look_again() || unread;
  return unread;
}

bool cell::arm_streams() noexcept {
  bool all = true;
  for (detail::stream_reader* r : own_extras().streams) all = r->arm() && all;
  return all;
}

/// Reads the streams up to their marks, at most `left` messages; lowers `left`. False if the slice is over.
bool cell::read_streams(unsigned& left, detail::slice_count& handled) noexcept {
  const auto& streams = own_extras().streams;
  for (std::size_t i = 0; i != streams.size(); ++i) {
    detail::stream_reader& r = *streams[i];
    while (!r.at_mark()) {
      if (left == 0 || killed()) return true;
      current_worker()->show(this, r.message_name());
      if (run_loop* recorder = core_->recorder()) record(*recorder, r);
      detail::stream_reader::progress done;
      detail::cell_extras& x = own_extras();
      x.reading = &r;
      x.progress = &done;
      try {
        // A loop takes one message each time it is resumed; a trace names each.
        r.read(*this, class_->run || core_->recorder() ? 1 : left, done);
      } catch (...) {
        x.reading = nullptr;
        // As one of the inbox: what its handler has put off before it threw is not lost with it.
        const bool kept = done.at_hand_is_put_off();
        handled.add(done.handled + (kept ? 1 : 0) - done.not_handled);
        if (!kept) note_failure(r.account());
        crash(nullptr);
        return false;
      }
      x.reading = nullptr;
      left -= done.handled;
      if (done.coroutine && done.at_hand_is_put_off()) {  // it has two fates: that of its handler, and its copy's
        --done.not_handled;
        core_->count(&detail::core::counters::sent);
      }
      handled.add(done.handled - done.not_handled);
      if (done.coroutine) {
        --left;
        detail::delivery_gate::passage through(done.gate);
        if (!through) {
          done.coroutine.destroy();
          lose_begun(r.account(), loss::detached, r.message_name());
        } else if (class_->reentrant) {
          if (!let_overlap(done.coroutine, nullptr, &r, handled, through)) return false;
        } else {
          root_ = done.coroutine;
          x.of_root = r.account();
          if (!go_on(root_, handled, &through)) return false;
        }
      } else if (receiving_ && done.handled != 0 && !std::exchange(x.set_aside, false)) {
        receiving_ = false;
        if (!go_on(resume_at, handled)) return false;
      }
      if (!marked_) return true;  // messages have been put in front
    }
  }
  marked_ = false;
  return true;
}

}  // namespace troupe
