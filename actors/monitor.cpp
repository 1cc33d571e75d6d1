#include <troupe/actors/monitor.hpp>

#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/last_words.hpp>

namespace troupe {

namespace detail {

namespace {

/// C13: where there is no memory for the news, the log says so.
template <class Notice, class Record, class News>
void tell_of_end(cell& watcher, const message_ops& ops, std::shared_ptr<Record> record, News news) noexcept {
  envelope* e = nullptr;
  try {
    e = make_envelope<Notice>(ops, std::move(record), std::move(news));
  } catch (...) {
    return log_saying([&] { return "out of memory: " + watcher.name() + " is not told of the end of another"; });
  }
  (void)watcher.enqueue(*e);
}

}  // namespace

void monitor_record::begin() {
  cell& watcher = *watcher_.get_cell();
  if (target_ == watcher_) return;  // nobody hears of an end of his own
  watcher.add_observer(shared_from_this());
  target_.get_cell()->add_observer(shared_from_this());
}

void monitor_record::end() noexcept {
  active_ = false;
  target_.get_cell()->remove_observer(*this);
  watcher_.get_cell()->remove_observer(*this);
}

bool monitor_record::deliver(cell& c) noexcept {
  c.remove_observer(*this);
  return std::exchange(active_, false);
}

void monitor_record::actor_gone(cell& who, const exit_reason& reason) noexcept {
  if (&who == watcher_.get_cell()) return target_.get_cell()->remove_observer(*this);
  using notice = notice_envelope<down, monitor_record>;
  tell_of_end<notice>(*watcher_.get_cell(), *ops_, shared_from_this(), down{any_ref(&who), copy_of(reason)});
}

void link_record::begin() {
  a_.get_cell()->add_observer(shared_from_this());
  b_.get_cell()->add_observer(shared_from_this());
}

void link_record::end() noexcept {
  unlinked_.store(true, release);
  told_.store(true, release);
  a_.get_cell()->remove_observer(*this);
  b_.get_cell()->remove_observer(*this);
}

bool link_record::deliver(cell& c) noexcept {
  c.remove_observer(*this);
  return !unlinked_.load(acquire);
}

void link_record::actor_gone(cell& who, const exit_reason& reason) noexcept {
  cell& other = &who == a_.get_cell() ? *b_.get_cell() : *a_.get_cell();
  if (told_.exchange(true, acq_rel)) return other.remove_observer(*this);
  if (const message_ops* trap = other.of_class().exit_signal) {
    // It stays in the other's list until it is delivered, for `unlink` to find.
    using notice = notice_envelope<exit_signal, link_record>;
    return tell_of_end<notice>(other, *trap, shared_from_this(), exit_signal{any_ref(&who), copy_of(reason)});
  }
  other.remove_observer(*this);
  if (reason.kind == exit_kind::shutdown)
    other.close(exit_kind::shutdown);
  else if (reason.abnormal())
    other.end_with(copy_of(reason));
}

}  // namespace detail

void actor::demonitor(const monitor_handle& m) noexcept {
  if (m.record_) m.record_->end();
}

void actor::link(const any_ref& other) {
  cell& there = *other.get_cell();
  if (&there == cell_) return;
  const auto same = [&](const detail::link_record& l) { return l.joins(*cell_, there); };
  if (cell_->find_observer<detail::link_record>(same)) return;
  std::make_shared<detail::link_record>(*cell_, there)->begin();
}

void actor::unlink(const any_ref& other) noexcept {
  cell& there = *other.get_cell();
  const auto same = [&](const detail::link_record& l) { return l.joins(*cell_, there); };
  if (const auto found = cell_->find_observer<detail::link_record>(same)) found->end();
}

void actor::exit(std::string text, int code) {
  exit_reason reason{exit_kind::exited, std::move(text)};
  reason.code = code;
  cell_->end_with(std::move(reason));
}

}  // namespace troupe
