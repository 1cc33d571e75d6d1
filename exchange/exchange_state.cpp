#include <algorithm>

#include <fmt/format.h>

#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>

namespace troupe::detail {

/// Lives in the cell of a subscriber.
class exchange_state::hook final : public end_hook {
public:
  explicit hook(std::weak_ptr<exchange_state> to) : to_(std::move(to)) {}
  void actor_ended(cell& c) noexcept override {
    if (auto state = to_.lock()) state->forget(c);
  }

private:
  std::weak_ptr<exchange_state> to_;
};

exchange_state::exchange_state(core& k, std::string name, exchange_kind kind, std::type_index type,
                               const char* type_name, std::shared_ptr<broadcast_base> log,
                               std::shared_ptr<ack_queue_base> queue, publish_any by_pointer,
                               const exchange_options& options, const retained::box_ops& boxes)
    : core_(&k),
      name_(std::move(name)),
      kind_(kind),
      type_(type),
      type_name_(type_name),
      options_(options),
      kept_(options.retention ? std::make_unique<retained>(options.retention, boxes) : nullptr),
      router_(kind.make_router()),
      log_(std::move(log)),
      queue_(std::move(queue)),
      publish_(by_pointer),
      account_(std::make_shared<exchange_account>(router_ ? k.counter_sets() : 0)) {
  k.keep(account_);
  if (log_ && kept_) log_->keep_in(*kept_);
}

exchange_state::~exchange_state() {
  for (auto& [who, s] : subscribers_) {
    if (s.on_end) const_cast<cell*>(who)->remove_end_hook(*s.on_end);
    for (auto& [key, b] : s.bindings) {
      b->gate.close();
      unroute(*b);
      leave_unread(*b);
      free_later(*b);
    }
  }
}

/// A replay and the binding are one to those who publish (RT1).
void exchange_state::bind(binding& b, const subscriber& s, publish_aftermath& after) {
  if (b.backlog && log_) {
    log_->add_backlog(b, core_->scheduler().now(), after);
  } else if (b.backlog && kept_) {
    std::lock_guard guard(kept_->mutex());
    kept_->replay(b.backlog->options().start, core_->scheduler().now(), b, after, [&](std::string_view key) {
      // What another binding of this subscriber brings has come through that.
      return router_->matches(b.key, key) && std::none_of(s.bindings.begin(), s.bindings.end(), [&](const auto& other) {
               return other.second != &b && router_->matches(other.first, key);
             });
    });
    router_->bind(b);
  } else if (log_) {
    log_->attach(static_cast<broadcast_reader_base&>(b));
  } else if (queue_) {
    queue_->attach(static_cast<ack_member_base&>(b));
  } else {
    router_->bind(b);
  }
}

void exchange_state::unroute(binding& b) noexcept {
  if (router_)
    router_->unbind(b);
  else if (b.backlog)
    log_->remove_backlog(b);
}

void exchange_state::leave_unread(binding& b) noexcept {
  if (b.backlog) {
    b.backlog->discard(b);
  } else if (queue_) {
    queue_->detach(static_cast<ack_member_base&>(b));
  } else if (log_) {
    if (const std::uint64_t unread = log_->detach(static_cast<broadcast_reader_base&>(b))) {
      core_->lose(*b.subscriber.get_cell(), loss::detached, type_name_, unread);
      account_->lost(loss::detached, unread);
    }
  }
}

void exchange_state::check_key(std::string_view key) const {
  if (key.empty() ? kind_.keys() == binding_keys::required : kind_.keys() == binding_keys::none)
    throw troupe_error(
        errc::invalid_argument,
        key.empty() ? fmt::format("exchange '{}': a {} exchange is attached to with a key", name_, to_string(kind_))
                    : fmt::format("exchange '{}': a {} exchange has no keys, '{}' was given", name_, to_string(kind_),
                                  key.substr(0, 100)));
  if (auto good = router_ ? router_->check(key) : result<void>(); !good)
    throw troupe_error(good.error().code(), fmt::format("exchange '{}': {}", name_, good.error().message()));
}

void exchange_state::check(const request& wanted) const {
  require_up();
  check_key(wanted.key);
  if (&wanted.who.get_cell()->core() != core_)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': actor {} belongs to another runtime", name_, wanted.who.name()));
  if (!wanted.options) return;
  if (kind_ == exchange_kind::work_queue || kind_ == exchange_kind::queue)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': a {} gives each message to one member and knows no options of a "
                                   "subscription; leave out {}",
                                   name_, to_string(kind_), to_string(*wanted.options)));
  if (auto good = troupe::check(*wanted.options); !good)
    throw troupe_error(good.error().code(), fmt::format("exchange '{}': {}", name_, good.error().message()));
  if (!kept_ && wanted.options->start != start_at::latest())
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': a subscription has a start, but nothing is kept to start with: make "
                                   "the exchange with a retention",
                                   name_));
}

/// All bindings of a subscriber lead to one backlog, or none does (BL2).
void exchange_state::share_backlog(subscriber& s, const request& wanted) {
  if (!wanted.options) return;
  if (s.bindings.empty()) {
    s.backlog = wanted.make_backlog(weak_from_this());
  } else if (!s.backlog || s.backlog->options() != *wanted.options) {
    throw troupe_error(
        errc::invalid_argument,
        fmt::format("exchange '{}': {} is attached {}, and cannot be attached with {} as well: give the "
                    "same options, or none, or detach it first",
                    name_, wanted.who.name(), s.backlog ? "with " + to_string(s.backlog->options()) : "without options",
                    to_string(*wanted.options)));
  }
}

binding* exchange_state::add_binding(subscriber& s, const request& wanted, publish_aftermath& after) {
  auto fresh = wanted.make_binding(wanted.key, s.backlog != nullptr);
  fresh->gate.account = account_.get();
  const auto bound = s.bindings.emplace(fresh->key, fresh.get()).first;
  try {
    if (s.backlog) s.backlog->add_binding(*fresh);
    bind(*fresh, s, after);
    return fresh.release();
  } catch (...) {
    s.bindings.erase(bound);
    if (!fresh->backlog) throw;
    fresh->gate.shut();
    leave_unread(*fresh);
    if (s.bindings.empty()) gone_.backlogs += s.backlog->counted();
    free_later(*fresh.release());  // its actor may know the stream
    throw;
  }
}

exchange_state::attached exchange_state::attach(const request& wanted) {
  check(wanted);
  cell& who = *wanted.who.get_cell();
  std::shared_ptr<hook> fresh_hook;
  attached result{};
  publish_aftermath after;
  bool over = false;
  {
    std::lock_guard guard(mutex_);
    const auto at = subscribers_.try_emplace(&who).first;
    subscriber& s = at->second;
    binding* b = nullptr;
    try {
      share_backlog(s, wanted);
      const auto bound = s.bindings.find(wanted.key);
      if (bound == s.bindings.end()) {
        if (!s.on_end) fresh_hook = std::make_shared<hook>(weak_from_this());
        b = add_binding(s, wanted, after);
        if (fresh_hook) s.on_end = fresh_hook;
      } else {
        b = bound->second;
      }
    } catch (...) {
      if (s.bindings.empty()) subscribers_.erase(at);
      throw;
    }
    after.mute_nobody();  // what it begins with is no publish of who attaches it
    ++b->handles;
    if (s.stay == 0) s.stay = ++stays_;
    result = {b, s.backlog, s.stay};
    over = ended_;
    if (wanted.input) {
      who.add_input();
      if (!over) ++b->inputs;
    }
  }
  if (wanted.input && over) who.send_input_end();
  // Calls back at once if the actor has ended meanwhile, so not under the mutex.
  if (fresh_hook) {
    try {
      who.add_end_hook(std::move(fresh_hook));
    } catch (...) {
      (void)detach(who, result, wanted.input);
      throw;
    }
  }
  return result;
}

// --- the end of a subscription -------------------------------------------------------------------------------------

exchange_state::leaving_map::iterator exchange_state::begin_leaving(subscriber_map::iterator s) noexcept {
  for (auto& [key, b] : s->second.bindings) unroute(*b);
  return leaving_subscribers_.insert(subscribers_.extract(s));
}

void exchange_state::has_left(binding& b) noexcept {
  std::lock_guard guard(mutex_);
  gone_.deliveries += b.deliveries();
  const auto same = leaving_.equal_range(b.key);
  leaving_.erase(std::find_if(same.first, same.second, [&](const auto& entry) { return entry.second == &b; }));
}

/// Gives what goes when the mutex is free: a backlog may go with it.
exchange_state::leaving_map::node_type exchange_state::have_left(leaving_map::iterator s) noexcept {
  std::lock_guard guard(mutex_);
  for (const auto& [key, b] : s->second.bindings) gone_.deliveries += b->deliveries();
  if (s->second.backlog) {
    auto counted = s->second.backlog->counted();
    counted.waiting = counted.bytes = 0;
    gone_.backlogs += counted;
  }
  return leaving_subscribers_.extract(s);
}

bool exchange_state::detach(cell& from, const attached& what, bool input) noexcept {
  const any_ref who(&from);
  binding* last = nullptr;
  std::optional<leaving_map::iterator> subscriber_leaves;
  bool input_left = false;
  {
    std::lock_guard guard(mutex_);
    const auto s = subscribers_.find(&from);
    if (s == subscribers_.end()) return false;  // the actor has ended: `forget` was here
    auto& bindings = s->second.bindings;
    if (s->second.stay != what.stay) return false;  // it has ended and come again
    const auto i = bindings.find(what.handle->key);
    binding& b = *i->second;
    if (input && b.inputs != 0) {
      --b.inputs;
      input_left = true;
    }
    if (--b.handles == 0) {
      last = &b;
      if (bindings.size() == 1) {
        subscriber_leaves = begin_leaving(s);
      } else {
        unroute(b);
        leaving_.insert(bindings.extract(i));
      }
    }
  }
  if (subscriber_leaves) {
    if (const auto& on_end = (*subscriber_leaves)->second.on_end) from.remove_end_hook(*on_end);
  }
  if (input_left) from.send_input_end();
  if (!last) return true;
  if (from.core().given_up()) {
    last->gate.shut();  // C6; the binding stays with the thread that may still use it
    return true;
  }
  last->gate.close();
  leave_unread(*last);  // when the gate is closed its actor reads no further: what is unread can be counted
  if (subscriber_leaves)
    (void)have_left(*subscriber_leaves);
  else
    has_left(*last);
  free_later(*last);
  return true;
}

void exchange_state::forget(const cell& who) noexcept {
  leaving_map::iterator gone;
  {
    std::lock_guard guard(mutex_);
    const auto s = subscribers_.find(&who);
    if (s == subscribers_.end()) return;
    gone = begin_leaving(s);
  }
  // Not under the mutex: this destroys messages, and what their destructors do is not ours to know.
  const subscriber& left = gone->second;
  if (left.backlog) left.backlog->abandon();
  for (auto& [key, b] : left.bindings) {
    if (queue_) static_cast<ack_member_base&>(*b).settle();
    if (!left.backlog) leave_unread(*b);
  }
  const auto node = have_left(gone);
  for (auto& [key, b] : node.mapped().bindings) free_later(*b);
}

void exchange_state::disconnect(cell& who) noexcept {
  leaving_map::iterator gone;
  unsigned inputs = 0;
  {
    std::lock_guard guard(mutex_);
    const auto s = subscribers_.find(&who);
    if (s == subscribers_.end()) return;
    gone = begin_leaving(s);
    for (auto& [key, b] : gone->second.bindings) inputs += b->inputs;
  }
  const subscriber& left = gone->second;
  if (left.on_end) who.remove_end_hook(*left.on_end);
  for (; inputs != 0; --inputs) who.send_input_end();
  for (auto& [key, b] : left.bindings) {
    b->gate.close();
    leave_unread(*b);
  }
  const auto node = have_left(gone);
  for (auto& [key, b] : node.mapped().bindings) free_later(*b);
}

namespace {

/// Travels behind the last message that came through a binding, and frees it.
struct farewell : envelope {
  farewell(const message_ops& o, binding& b) noexcept : envelope(o), leaving(&b) {}
  binding* leaving;
  bool came = false;
};

void free_binding(envelope& e) noexcept {
  const auto& f = static_cast<farewell&>(e);
  if (!f.came && f.leaving->backlog) f.leaving->backlog->never_read(*f.leaving);
  delete f.leaving;
}

constexpr message_ops farewell_ops{.handle = [](cell& c, envelope& e) -> root_handle {
                                     auto& f = static_cast<farewell&>(e);
                                     f.came = true;
                                     f.leaving->left(c);
                                     return {};
                                   },
                                   .destroy = &free_binding,
                                   .size = sizeof(farewell),
                                   .alignment = alignof(farewell),
                                   .name = "farewell",
                                   .system = true,
                                   .after_all = true};

void send_farewell(void* p) {
  auto& b = *static_cast<binding*>(p);
  const any_ref who = b.subscriber;
  (void)who.get_cell()->enqueue(*make_envelope<farewell>(farewell_ops, b));
}

}  // namespace

void exchange_state::free_later(binding& b) noexcept {
  epoch_retire(&b, &send_farewell);
  epoch_collect();
}

void exchange_state::add_publisher() {
  std::lock_guard guard(mutex_);
  ++publishers_;
  ended_ = false;
}

void exchange_state::remove_publisher() noexcept {
  {
    std::lock_guard guard(mutex_);
    if (--publishers_ != 0) return;
  }
  if (!queue_ || queue_->end_when_empty()) end_inputs();
}

void exchange_state::end_inputs() noexcept {
  std::vector<any_ref> ends;
  std::vector<std::shared_ptr<exchange_state>> ends_beyond;
  {
    std::lock_guard guard(mutex_);
    if (publishers_ != 0) return;  // a new one has come meanwhile
    ended_ = true;
    ++ends_;
    for (auto& [who, s] : subscribers_) {
      for (auto& [key, b] : s.bindings) {
        for (; b->inputs != 0; --b->inputs) ends.push_back(b->subscriber);
      }
    }
    ends_beyond = std::exchange(published_to_, {});
    if (outlets_) {
      for (const auto& b : outlets_->bound()) {
        for (; b->inputs != 0; --b->inputs) ends_beyond.push_back(b->target);
      }
    }
  }
  for (const any_ref& who : ends) who.get_cell()->send_input_end();
  for (const auto& target : ends_beyond) target->remove_publisher();
}

void exchange_state::publishes_to(std::shared_ptr<exchange_state> target) {
  target->add_publisher();
  std::lock_guard guard(mutex_);
  published_to_.push_back(std::move(target));
}

void exchange_state::require_up() const {
  if (over()) throw troupe_error(errc::shutdown, fmt::format("exchange '{}': the runtime has ended", name_));
}

std::size_t exchange_state::subscribers() const {
  std::lock_guard guard(mutex_);
  return subscribers_.size();
}

std::uint64_t exchange_state::ends() const {
  std::lock_guard guard(mutex_);
  return ends_;
}

std::uint64_t exchange_state::ends_revoked() const {
  std::lock_guard guard(mutex_);
  return ended_ ? ends_ - 1 : ends_;
}

// --- the registry --------------------------------------------------------------------------------------------------

std::vector<std::shared_ptr<exchange_state>> exchange_registry::all() const {
  std::vector<std::shared_ptr<exchange_state>> found;
  std::lock_guard guard(mutex_);
  for (const auto& [name, state] : all_) {
    if (!state) continue;
    found.push_back(state);
    state->groups().append_to(found);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return found;
}

exchange_registry& exchange_registry::of(core& k) {
  return *k.service<exchange_registry>([] { return std::make_shared<exchange_registry>(); });
}

exchange_registry::~exchange_registry() {
  const auto every = all();
  for (const auto& state : every) state->close();
  const auto tell = exchange_ended.load(relaxed);
  for (const auto& state : every)
    if (tell && state->home().scheduler().strands().size() == 0) tell(*state);
}

constinit atomic<void (*)(const exchange_state&)> exchange_ended{nullptr};

namespace {

[[noreturn]] void letters_do_not_fit(const std::string& queue, const char* letter, const std::string& target,
                                     const char* carries) {
  throw troupe_error(
      errc::type_mismatch,
      fmt::format("queue '{}' sends its dead letters to exchange '{}', which carries {}: neither {}, nor "
                  "dead_lettered of it",
                  queue, target, carries, letter));
}

}  // namespace

/// An exchange of that type is to be made.
void exchange_registry::check_letters_for(const std::string& name, std::type_index type, const char* type_name) const {
  const auto from = with_dead_letters_.equal_range(name);
  for (auto i = from.first; i != from.second; ++i) {
    const exchange_state& q = *i->second;
    if (!q.acknowledged()->has_letters_for(type)) letters_do_not_fit(q.name(), q.type_name(), name, type_name);
  }
}

/// A queue of that name is to be made.
void exchange_registry::check_letters_of(const ack_queue_base& q, const std::string& name) const {
  const auto target = all_.find(q.options().dead_letters);
  if (target == all_.end() || !target->second || q.has_letters_for(target->second->type())) return;
  letters_do_not_fit(name, q.type_name(), target->second->name(), target->second->type_name());
}

std::shared_ptr<exchange_state> exchange_registry::open(core& k, std::string name, exchange_kind kind,
                                                        std::type_index type, const char* type_name,
                                                        std::shared_ptr<broadcast_base> (*make_log)(),
                                                        const queue_maker& make_queue, const exchange_options* options,
                                                        const retained::box_ops& boxes) {
  const bool keeps = options && options->retention;
  if (keeps && options->retention.age <= std::chrono::nanoseconds::zero())
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': a retention for {} ns keeps nothing: give more than 0", name,
                                   options->retention.age.count()));
  if (keeps && kind.competing())
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': a {} keeps no messages for those who come later: leave out the "
                                   "retention {}",
                                   name, to_string(kind), to_string(options->retention)));
  std::lock_guard guard(mutex_);
  auto& slot = all_[name];
  if (!slot) {
    check_letters_for(name, type, type_name);
    std::shared_ptr<ack_queue_base> queue;
    if (kind == exchange_kind::queue)
      queue = make_queue.make(k, name, make_queue.options ? *make_queue.options : troupe::queue{});
    const std::string letters = queue ? queue->options().dead_letters : std::string();
    if (!letters.empty()) check_letters_of(*queue, name);
    slot = std::make_shared<exchange_state>(k, std::move(name), kind, type, type_name,
                                            kind == exchange_kind::fanout ? make_log() : nullptr, queue,
                                            make_queue.publish, options ? *options : exchange_options(), boxes);
    if (queue) queue->belongs_to(slot, weak_from_this(), slot->account());
    if (!letters.empty()) with_dead_letters_.emplace(letters, slot);
  } else if (slot->kind() != kind || slot->type() != type) {
    throw troupe_error(errc::type_mismatch,
                       fmt::format("exchange '{}' is a {} exchange of {}; it was asked for as a {} exchange of {}",
                                   name, to_string(slot->kind()), slot->type_name(), to_string(kind), type_name));
  } else if (options && slot->options().retention != options->retention) {
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}' has the retention {}; it was asked for with {}: give the same, or "
                                   "leave the options out",
                                   name, to_string(slot->options().retention), to_string(options->retention)));
  } else if (make_queue.options && slot->acknowledged()->options() != *make_queue.options) {
    throw troupe_error(errc::invalid_argument,
                       fmt::format("the queue '{}' was made with other options: give the same, or take "
                                   "exchange<{}>::find",
                                   name, type_name));
  }
  return slot;
}

std::shared_ptr<exchange_state> exchange_registry::find(std::string_view name) const {
  std::lock_guard guard(mutex_);
  const auto i = all_.find(name);
  return i == all_.end() ? nullptr : i->second;
}

// --- routes --------------------------------------------------------------------------------------------------------

namespace {

// Trivial, so that it is there for destructors of statics too, which run after those of thread-locals.
constinit thread_local route* spare_route = nullptr;
constinit thread_local bool spare_taken = false;

struct spare_keeper {
  ~spare_keeper() {
    delete std::exchange(spare_route, nullptr);
    spare_taken = true;
  }
};

route* take_spare() {
  if (!spare_route) {
    static thread_local spare_keeper keeper;
    spare_route = new route;
  }
  spare_taken = true;
  return spare_route;
}

}  // namespace

borrowed_route::borrowed_route() {
  if (spare_taken) {
    own_ = std::make_unique<route>();
    route_ = own_.get();
  } else {
    route_ = take_spare();
  }
}

borrowed_route::~borrowed_route() {
  route_->clear();
  if (!own_) spare_taken = false;
}

}  // namespace troupe::detail
