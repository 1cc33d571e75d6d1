#include <troupe/exchange/detail/backlog.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include <troupe/actors/dispatch.hpp>
#include <troupe/base/log.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>

namespace troupe::detail {

namespace {

constexpr std::size_t largest_batch = 32;

/// How many the reader takes out under one lock. Half of the room comes free at once, at most.
std::size_t batch_size(const subscribe_options& o) noexcept {
  switch (o.policy) {
    case subscription_policy::drop_oldest:
    case subscription_policy::conflate: return 1;  // BL6
    default: return std::clamp(o.limit / 2, std::size_t{1}, largest_batch);
  }
}

}  // namespace

// --- the aftermath -------------------------------------------------------------------------------------------------

void publish_aftermath::settle() noexcept {
  while (told_) {
    // Read first: once told, the reader may be idle again.
    backlog_base& reader = *std::exchange(told_, told_->next_told_);
    reader.reader_.get_cell()->send_news(reader);
  }
  for (std::size_t i = 0; i != few_; ++i) first_[i].destroy(first_[i].box);
  for (const garbage& g : more_) g.destroy(g.box);
  if (full_ && running_cell) running_cell->mute(*full_);
}

void publish_aftermath::destroy_later(void* box, void (*destroy)(void*) noexcept) noexcept {
  if (few_ != first_.size()) {
    first_[few_++] = {box, destroy};
    return;
  }
  try {
    more_.push_back({box, destroy});
  } catch (const std::bad_alloc&) {
    destroy(box);
  }
}

// --- publishers ----------------------------------------------------------------------------------------------------

backlog_base::backlog_base(const any_ref& reader, const subscribe_options& o, notices n,
                           std::weak_ptr<exchange_state> from)
    : reader_(reader), options_(o), notices_(std::move(n)), from_(std::move(from)), core_(&reader.get_cell()->core()) {
  batch_.reserve(batch_size(o));
}

backlog_base::~backlog_base() {
  release_held();
  for (; next_ != batch_.size(); ++next_) {
    if (void* box = batch_[next_].box) type_->release(box);
  }
  for (std::size_t i = 0; i != line_.size(); ++i) {
    if (void* box = line_[i].box) type_->release(box);
  }
}

bool backlog_base::has_room(std::size_t bytes) const noexcept {
  const std::size_t waiting = count_ + batch_count_.load(relaxed);
  if (waiting >= options_.limit) return false;
  return waiting == 0 || (bytes <= options_.limit_bytes && used_bytes() <= options_.limit_bytes - bytes);
}

bool backlog_base::half_free(std::size_t waiting, std::size_t bytes) const noexcept {
  return waiting == 0 || (waiting <= options_.limit / 2 && bytes <= options_.limit_bytes / 2);
}

bool backlog_base::blocks(std::size_t bytes) noexcept {
  if (options_.policy != subscription_policy::block) return false;
  std::lock_guard lock(guard_);
  return !closed_ && !has_room(bytes);
}

bool backlog_base::wait_for_room(wait_node& n, std::size_t bytes) noexcept {
  if (closed_ || has_room(bytes)) return false;
  waiting_.push(n);
  return true;
}

bool backlog_base::mute(wait_node& n) noexcept {
  if (closed_ || half_free()) return false;
  waiting_.push(n);
  return true;
}

std::string backlog_base::describe_room() const {
  const std::shared_ptr<exchange_state> from = from_.lock();
  return fmt::format("room for {} at exchange '{}'", reader_.name(), from ? from->name() : "");
}

void backlog_base::drop_box(void* box, publish_aftermath& after) noexcept {
  if (unref(box)) after.destroy_later(box, destroy_);
}

void backlog_base::forget_key(const entry& e) noexcept {
  if (e.key) keys_.erase(keys_.find(*e.key));
}

/// The message may take the place of another in this box.
bool backlog_base::can_overwrite(const boxed_message& m, const void* box) const noexcept {
  return !m.box && m.overwrite && is_sole(box);
}

backlog_base::entry& backlog_base::entry_of(std::uint64_t number) noexcept {
  std::size_t from = 0;
  for (std::size_t to = line_.size(); from != to;) {
    const std::size_t middle = from + (to - from) / 2;
    if (line_[middle].number < number)
      from = middle + 1;
    else
      to = middle;
  }
  return line_[from];
}

/// In place of the message that is there. True if the entry shares the box of this one; throws `std::bad_alloc`.
bool backlog_base::put_into(entry& e, boxed_message& m, publish_aftermath& after) {
  if (can_overwrite(m, e.box)) {
    m.overwrite(m, e.box);
    return false;
  }
  if (!m.box) m.box = m.make(m);
  drop_box(std::exchange(e.box, m.box), after);
  return true;
}

/// One of the same key that waits gives its place to this one. False if there is none, or none any more: where this one
/// takes more bytes than there are, the other one just goes, and this one comes last.
bool backlog_base::replace(boxed_message& m, binding& via, std::size_t bytes, const std::string& key, pushed& what,
                           publish_aftermath& after) {
  const auto known = keys_.find(key);
  if (known == keys_.end()) return false;
  what.conflated = 1;
  entry& e = entry_of(known->second);
  if (bytes > e.bytes && bytes - e.bytes > options_.limit_bytes - std::min(used_bytes(), options_.limit_bytes)) {
    drop_box(e.box, after);
    --count_;
    bytes_ -= e.bytes;
    keys_.erase(known);
    line_.remove_if([number = e.number](const entry& i) { return i.number == number; });
    return false;
  }
  what.shares = put_into(e, m, after);
  e.via = &via;
  bytes_ += bytes - e.bytes;
  e.bytes = bytes;
  return true;
}

/// Behind the others; its place and its key are there already.
void backlog_base::append(void* box, binding& via, std::size_t bytes, const std::string* key) noexcept {
  const std::uint64_t number = end_.load(relaxed);
  line_.push_back({box, &via, number, 0, bytes, key, false});
  ++count_;
  bytes_ += bytes;
  end_.store(number + 1, release);
}

/// A message is dropped that would have come now.
void backlog_base::note_gap(binding& via) {
  if (!notices_.lag) return;
  if (line_.empty() || line_.back().box) {
    const std::uint64_t number = end_.load(relaxed);
    line_.push_back({nullptr, &via, number, 0, 0, nullptr, false});
    end_.store(number + 1, release);
  }
  ++line_.back().gap;
}

/// Makes room: the message that has waited longest is lost. Gives its box.
void* backlog_base::pop_front() noexcept {
  const entry e = line_.front();
  forget_key(e);
  line_.pop_front();
  --count_;
  bytes_ -= e.bytes;
  ++missed_;
  return e.box;
}

/// Returns how many messages were lost.
std::uint64_t backlog_base::drop_all(publish_aftermath& after) noexcept {
  for (std::size_t i = 0; i != line_.size(); ++i) {
    if (void* box = line_[i].box) drop_box(box, after);
  }
  line_.clear();
  keys_.clear();
  bytes_ = 0;
  return std::exchange(count_, 0);
}

/// Under the lock. Says what became of the message, and whether it has taken its reference.
backlog_base::pushed backlog_base::take_in(boxed_message& m, binding& via, std::size_t bytes, const std::string* key,
                                           publish_aftermath& after) {
  const auto sent = [this] {
    core_->count(&core::counters::sent);  // before anybody can count it as handled
    ++counted_.routed;
  };
  if (closed_ || !via.gate.is_open()) return {.taken = false};
  pushed what{.taken = true, .why = loss::lagged};
  if (key && replace(m, via, bytes, *key, what, after)) {
    sent();
    return what;
  }
  const bool fits = has_room(bytes);
  if (!fits) {
    switch (options_.policy) {
      case subscription_policy::block:
      case subscription_policy::drop_oldest:
      case subscription_policy::conflate: break;
      case subscription_policy::fail: note_gap(via); return {.taken = false, .refused = true};
      case subscription_policy::drop_newest:
        note_gap(via);
        sent();
        return {.taken = false, .lost = 1, .why = loss::lagged};
      case subscription_policy::disconnect: {
        line_.make_room();
        sent();
        const std::uint64_t number = end_.load(relaxed);
        const std::uint64_t lost = drop_all(after) + 1;
        line_.push_back({nullptr, &via, number, lost, 0, nullptr, true});
        end_.store(number + 1, release);
        closed_ = true;
        return {.taken = false, .lost = lost, .why = loss::disconnected};
      }
    }
  }
  line_.make_room();
  what.beyond = !fits && options_.policy == subscription_policy::block;
  const bool drops = !fits && !what.beyond && count_ != 0;
  const bool overwrites = drops && can_overwrite(m, line_.front().box);
  if (!overwrites && !m.box) m.box = m.make(m);
  if (key) key = &keys_.emplace(*key, end_.load(relaxed)).first->first;
  void* box = m.box;
  if (overwrites) {
    box = pop_front();
    ++what.lost;
    m.overwrite(m, box);
  }
  if (drops) {
    for (; count_ != 0 && !has_room(bytes); ++what.lost) drop_box(pop_front(), after);
  }
  what.shares = !overwrites;
  sent();
  append(box, via, bytes, key);
  return what;
}

/// Under the lock: whether it is one of those that a slow subscriber comes to most, and then its end. It is full, and
/// this message or the one that has waited longest is lost, for which nothing is made or destroyed.
[[gnu::always_inline]] inline bool backlog_base::lose_one(const boxed_message& m, binding& via, std::size_t bytes,
                                                          pushed& what) {
  if (closed_ || armed_ || has_room(bytes) || !via.gate.is_open()) return false;
  switch (options_.policy) {
    case subscription_policy::drop_oldest: {
      if (count_ == 0 || bytes > line_.front().bytes || !can_overwrite(m, line_.front().box)) return false;
      const std::uint64_t number = end_.load(relaxed);
      line_.rotate();
      entry& last = line_.back();
      m.overwrite(m, last.box);
      bytes_ += bytes - last.bytes;
      last = {last.box, &via, number, 0, bytes, nullptr, false};
      end_.store(number + 1, release);
      ++missed_;
      what.taken = true;
      break;
    }
    case subscription_policy::fail:
      note_gap(via);
      what.refused = true;
      return true;
    case subscription_policy::drop_newest: note_gap(via); break;
    default: return false;
  }
  what.lost = 1;
  core_->count(&core::counters::sent);  // as in `take_in`
  ++counted_.routed;
  return true;
}

bool backlog_base::push(boxed_message& m, binding& via, std::size_t bytes, const std::string* key,
                        publish_aftermath& after) {
  pushed what;
  try {
    std::lock_guard lock(guard_);
    if (!lose_one(m, via, bytes, what)) what = take_in(m, via, bytes, conflates() ? key : nullptr, after);
    lost_.store(lost_.load(relaxed) + what.lost + what.conflated + (what.refused ? 1 : 0), relaxed);
    (what.why == loss::lagged ? counted_.lagged : counted_.disconnected) += what.lost;
    counted_.conflated += what.conflated;
    if (what.refused) ++counted_.refused;
    behind_ = what.lost != 0 || what.conflated != 0 || what.refused || closed_;
    if (armed_ && !line_.empty()) {
      armed_ = false;
      next_told_ = std::exchange(after.told_, this);
    }
  } catch (...) {
    --m.left;
    if (m.box) drop_box(m.box, after);
    throw;
  }
  --m.left;
  if (m.box && !what.shares) drop_box(m.box, after);
  if (what.beyond && !after.full_) after.full_ = this;
  cell& reader = *reader_.get_cell();
  if (what.lost != 0) core_->lose(reader, what.why, message_name(), what.lost);
  if (what.conflated != 0) core_->lose(reader, loss::conflated, message_name(), what.conflated);
  if (what.refused) {
    ++after.refused;
    core_->count(&core::counters::refused);
    if (core_->watched()) core_->tell_of_loss(reader, loss::lagged, message_name(), 0, 1);
  }
  return what.taken;
}

// --- the exchange --------------------------------------------------------------------------------------------------

backlog_base::figures& backlog_base::figures::operator+=(const figures& o) noexcept {
  routed += o.routed;
  lagged += o.lagged;
  conflated += o.conflated;
  disconnected += o.disconnected;
  refused += o.refused;
  waiting += o.waiting;
  bytes += o.bytes;
  return *this;
}

backlog_base::figures backlog_base::counted() const noexcept {
  std::lock_guard lock(guard_);
  figures all = counted_;
  all.waiting = count_ + batch_count_.load(relaxed);
  all.bytes = bytes_ + batch_bytes_.load(relaxed);
  return all += unseen();
}

std::uint64_t backlog_base::lost() const noexcept {
  if (deferral_.load(acquire) == deferral::none) return lost_.load(relaxed);
  std::lock_guard lock(guard_);
  const figures more = unseen();
  return lost_.load(relaxed) + more.lagged + more.conflated + more.refused;
}

void backlog_base::missed(std::uint64_t n) noexcept {
  std::lock_guard lock(guard_);
  if (notices_.lag) missed_ += n;
}

void backlog_base::add_binding(binding& b) {
  b.backlog = this;
  if (!account_) account_ = b.gate.account;
  if (kept_by_.fetch_add(1, relaxed) == 0) self_ = shared_from_this();
  if (bindings_.fetch_add(1, relaxed) == 0) reader_.get_cell()->add_stream(*this);
}

void backlog_base::discard(binding& b) noexcept {
  std::uint64_t lost = 0;
  {
    publish_aftermath after;
    wake_list woken;
    std::lock_guard lock(guard_);
    line_.remove_if([&](entry& e) {
      if (e.via != &b || e.end) return false;
      missed_ += e.gap;  // what came by other bindings too is told with the next of these
      if (!e.box) return true;
      forget_key(e);
      --count_;
      bytes_ -= e.bytes;
      drop_box(e.box, after);
      ++lost;
      return true;
    });
    if (half_free()) waiting_.grant_all(woken);
  }
  if (lost != 0) lose_detached(lost);
}

void backlog_base::never_read(const binding& b) noexcept {
  std::uint64_t lost = 0;
  for (std::size_t i = next_; i != batch_.size(); ++i) {
    if (batch_[i].via != &b || !batch_[i].box) continue;
    type_->release(std::exchange(batch_[i].box, nullptr));
    ++lost;
  }
  if (lost == 0) return;
  const auto from = from_.lock();
  core_->lose(*reader_.get_cell(), loss::detached, message_name(), lost);
  if (from && account_) account_->lost(loss::detached, lost);
}

void backlog_base::lose_detached(std::uint64_t n) noexcept {
  core_->lose(*reader_.get_cell(), loss::detached, message_name(), n);
  if (account_) account_->lost(loss::detached, n);
}

void backlog_base::abandon() noexcept {
  std::uint64_t lost = 0;
  {
    publish_aftermath after;
    wake_list woken;
    std::lock_guard lock(guard_);
    closed_ = true;
    waiting_.grant_all(woken);
    armed_ = false;
    lost = drop_all(after);
    for (; next_ != batch_.size(); ++next_) {
      if (!batch_[next_].box) continue;
      drop_box(batch_[next_].box, after);
      ++lost;
    }
  }
  if (lost != 0) lose_detached(lost);
}

// --- the reader ----------------------------------------------------------------------------------------------------

/// The message whose handler runs. Released when that has returned or thrown, but not before a coroutine is done with
/// it.
class backlog_base::handling {
public:
  handling(backlog_base& b, at_hand what) noexcept : self_(&b) { b.reading_ = what; }
  handling(const handling&) = delete;
  handling& operator=(const handling&) = delete;
  ~handling() {
    const at_hand over = std::exchange(self_->reading_, {});
    if (over.box) over.type->release(over.box);
  }
  void hold() const noexcept { self_->held_ = std::exchange(self_->reading_, {}); }

private:
  backlog_base* self_;
};

void backlog_base::release_held() noexcept {
  const at_hand over = std::exchange(held_, {});
  if (over.box) over.type->release(over.box);
}

bool backlog_base::mark() noexcept {
  release_held();  // the coroutine that it was held for is done
  see_all();
  mark_ = end_.load(acquire);
  return position_ != mark_;
}

bool backlog_base::arm() noexcept {
  if (next_ != batch_.size()) return false;
  wake_list woken;
  const auto lock = lock_with_all_seen();
  if (!line_.empty()) return false;
  waiting_.grant_all(woken);
  if (!std::exchange(asked_, true)) armed_ = true;
  return true;
}

/// There is something in the batch, or nothing left before the mark.
bool backlog_base::fetch() noexcept {
  if (next_ != batch_.size()) return true;
  batch_.clear();
  next_ = 0;
  std::size_t messages = 0, bytes = 0;
  wake_list woken;
  const auto lock = lock_with_all_seen();
  for (const std::size_t most = batch_size(options_); batch_.size() != most && !line_.empty(); line_.pop_front()) {
    entry& e = line_.front();
    if (e.number >= mark_) break;
    if (e.box) {
      forget_key(e);
      --count_;
      bytes_ -= e.bytes;
      ++messages;
      bytes += e.bytes;
    }
    e.gap += std::exchange(missed_, 0);
    batch_.push_back(e);
  }
  batch_count_.store(messages, relaxed);
  batch_bytes_.store(bytes, relaxed);
  if (batch_.empty()) position_ = mark_;
  // The first of them waits no more.
  const bool one = !batch_.empty() && batch_.front().box;
  if (half_free(count_ + messages - (one ? 1 : 0), bytes_ + bytes - (one ? batch_.front().bytes : 0)))
    waiting_.grant_all(woken);
  return !batch_.empty();
}

/// Takes the next of the batch out. It counts as waiting no more.
backlog_base::entry backlog_base::pop() noexcept {
  const entry e = batch_[next_++];
  position_ = e.number + 1;
  if (e.box) {
    batch_count_.store(batch_count_.load(relaxed) - 1, relaxed);
    batch_bytes_.store(batch_bytes_.load(relaxed) - e.bytes, relaxed);
  }
  return e;
}

void backlog_base::read(cell& c, unsigned budget, progress& done) {
  release_held();
  while (budget != 0 && fetch()) {
    entry& front = batch_[next_];
    if (front.end || front.gap != 0) {
      const unsigned before = done.handled;
      if (!(front.end ? tell_end(c, done) : tell_gap(c, done))) return;
      if (done.handled == before) continue;
      --budget;
      if (c.killed() || !c.reads_streams()) return;
      continue;
    }
    delivery_gate* const gate = &front.via->gate;
    delivery_gate::passage through(gate);
    do {
      const entry e = pop();
      see_all();  // there may be room for one more
      if (!gate->is_open()) {
        type_->release(e.box);
        lose_detached(1);
        break;
      }
      gate->count_delivery();
      noticed_ = false;
      const handling running(*this, {e.box, type_, shared_ops_});
      done.coroutine = call(c, e.box);
      if (done.coroutine) {
        done.gate = gate;
        return running.hold();
      }
      ++done.handled;
      --budget;
      if (c.killed() || !c.reads_streams()) return;
    } while (budget != 0 && through.holds() && fetch() && &batch_[next_].via->gate == gate && batch_[next_].box &&
             batch_[next_].gap == 0);
  }
}

/// Calls the handler of a notice. False if it is a coroutine.
template <class T>
bool backlog_base::tell(cell& c, const address<T>& to, T notice, delivery_gate* gate, progress& done) {
  core_->count(&core::counters::sent);
  noticed_ = true;
  auto* const box = new shared_message<T>(std::move(notice), 1);
  const handling running(*this, {box, &box_type_of<T>, to.shared_ops()});
  done.coroutine = to.shared_call()(c, box->message);
  if (!done.coroutine) {
    ++done.handled;
    return true;
  }
  done.gate = gate;
  running.hold();
  return false;
}

bool backlog_base::tell_gap(cell& c, progress& done) {
  entry& front = batch_[next_];
  delivery_gate* const gate = &front.via->gate;
  const std::uint64_t missed = std::exchange(front.gap, 0);
  if (!front.box) (void)pop();
  if (!notices_.lag) return true;
  delivery_gate::passage through(gate);
  return !through || tell(c, notices_.lag, lagged{missed}, gate, done);
}

/// The subscriber is detached first, so that it may attach again when it is told.
bool backlog_base::tell_end(cell& c, progress& done) {
  const std::uint64_t lost = pop().gap;
  const std::shared_ptr<exchange_state> from = from_.lock();
  if (!from) return true;
  from->disconnect(c);
  log_line(fmt::format("exchange '{}': subscriber {} was too slow for {} and has been disconnected; it has lost {} {}",
                       from->name(), c.name(), to_string(options_), lost, message_name()));
  if (notices_.end) return tell(c, notices_.end, disconnected{from->name(), lost}, nullptr, done);
  if (notices_.lag) return tell(c, notices_.lag, lagged{lost}, nullptr, done);
  return true;
}

stream_reader::held_message backlog_base::hand_over() noexcept {
  const at_hand given = std::exchange(held_, {});
  // The function fits every type of box: it is what `release` of that type does.
  return {[](void* box, void* type) noexcept { static_cast<const box_type*>(type)->release(box); }, given.box,
          const_cast<box_type*>(given.type)};
}

envelope* backlog_base::copy() { return reading_.type->copy(*reading_.ops, reading_.box); }

}  // namespace troupe::detail
