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
                               std::shared_ptr<ack_queue_base> queue)
    : core_(&k),
      name_(std::move(name)),
      kind_(kind),
      type_(type),
      type_name_(type_name),
      router_(make_router(kind)),
      log_(std::move(log)),
      queue_(std::move(queue)) {}

exchange_state::~exchange_state() {
  for (auto& [who, s] : subscribers_) {
    if (s.on_end) const_cast<cell*>(who)->remove_end_hook(*s.on_end);
    for (auto& [key, b] : s.bindings) {
      b->gate.close();
      unbind(*b);
      free_later(*b);
    }
  }
}

void exchange_state::bind(binding& b) {
  if (log_)
    log_->attach(static_cast<broadcast_reader_base&>(b));
  else if (queue_)
    queue_->attach(static_cast<ack_member_base&>(b));
  else
    router_->bind(b);
}

void exchange_state::unbind(binding& b) noexcept {
  if (router_) return router_->unbind(b);
  if (queue_) return queue_->detach(static_cast<ack_member_base&>(b));
  if (const std::uint64_t unread = log_->detach(static_cast<broadcast_reader_base&>(b)))
    core_->lose(*b.subscriber.get_cell(), loss::detached, type_name_, unread);
}

const binding* exchange_state::attach(const any_ref& who, std::string key, bool input, const make_binding& make) {
  const bool keyed = kind_ == exchange_kind::direct || kind_ == exchange_kind::topic;
  if (keyed == key.empty())
    throw troupe_error(
        errc::invalid_argument,
        keyed ? fmt::format("exchange '{}': a {} exchange is attached to with a key", name_, to_string(kind_))
              : fmt::format("exchange '{}': a {} exchange has no keys, '{}' was given", name_, to_string(kind_), key));
  if (&who.get_cell()->core() != core_)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': actor {} belongs to another runtime", name_, who.name()));
  if (auto good = router_ ? router_->check(key) : result<void>(); !good)
    throw troupe_error(good.error().code(), fmt::format("exchange '{}': {}", name_, good.error().message()));

  std::shared_ptr<hook> fresh_hook;
  binding* b = nullptr;
  bool over = false;
  {
    std::lock_guard guard(mutex_);
    const auto at = subscribers_.try_emplace(who.get_cell()).first;
    subscriber& s = at->second;
    auto bound = s.bindings.find(key);
    if (bound == s.bindings.end()) {
      try {
        if (!s.on_end) fresh_hook = std::make_shared<hook>(weak_from_this());
        auto fresh = make(std::move(key));
        bound = s.bindings.emplace(fresh->key, fresh.get()).first;
        bind(*fresh);
        (void)fresh.release();
      } catch (...) {
        if (bound != s.bindings.end()) s.bindings.erase(bound);
        if (s.bindings.empty()) subscribers_.erase(at);
        throw;
      }
      if (fresh_hook) s.on_end = fresh_hook;
    }
    b = bound->second;
    ++b->handles;
    over = ended_;
    if (input) {
      who.get_cell()->add_input();
      if (!over) ++b->inputs;
    }
  }
  if (input && over) who.get_cell()->send_input_end();
  // Calls back at once if the actor has ended meanwhile, so not under the mutex.
  if (fresh_hook) who.get_cell()->add_end_hook(std::move(fresh_hook));
  return b;
}

void exchange_state::detach(cell& from, const binding* handle, bool input) noexcept {
  const any_ref who(&from);
  binding* last = nullptr;
  bool input_left = false;
  std::shared_ptr<hook> removed;
  {
    std::lock_guard guard(mutex_);
    const auto s = subscribers_.find(&from);
    if (s == subscribers_.end()) return;  // the actor has ended: `forget` was here
    auto& bindings = s->second.bindings;
    const auto i =
        std::find_if(bindings.begin(), bindings.end(), [&](const auto& entry) { return entry.second == handle; });
    if (i == bindings.end()) return;
    binding& b = *i->second;
    if (input && b.inputs != 0) {
      --b.inputs;
      input_left = true;
    }
    if (--b.handles == 0) {
      last = &b;
      if (router_) router_->unbind(b);
      bindings.erase(i);
      if (bindings.empty()) {
        removed = std::move(s->second.on_end);
        subscribers_.erase(s);
      }
    }
  }
  if (removed) from.remove_end_hook(*removed);
  if (input_left) from.send_input_end();
  if (!last) return;
  if (from.core().given_up()) return last->gate.shut();  // C6; the binding stays with the thread that may still use it
  last->gate.close();
  if (!router_) unbind(*last);  // when the gate is closed its actor reads no further: what is unread can be counted
  free_later(*last);
}

void exchange_state::forget(const cell& who) noexcept {
  std::map<std::string_view, binding*> orphans;
  {
    std::lock_guard guard(mutex_);
    const auto s = subscribers_.find(&who);
    if (s == subscribers_.end()) return;
    orphans = std::move(s->second.bindings);
    subscribers_.erase(s);
    if (router_) {
      for (auto& [key, b] : orphans) unbind(*b);
    }
  }
  for (auto& [key, b] : orphans) {
    // Not under the mutex: this destroys messages, and what their destructors do is not ours to know.
    if (queue_) static_cast<ack_member_base&>(*b).settle();
    if (!router_) unbind(*b);
    free_later(*b);
  }
}

namespace {

/// Travels behind the last message that came through a binding, and frees it.
struct farewell : envelope {
  farewell(const message_ops& o, binding& b) noexcept : envelope(o), leaving(&b) {}
  binding* leaving;
};

void free_binding(envelope& e) noexcept { delete static_cast<farewell&>(e).leaving; }

constexpr message_ops farewell_ops{.handle = [](cell& c, envelope& e) -> root_handle {
                                     static_cast<farewell&>(e).leaving->left(c);
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
  {
    std::lock_guard guard(mutex_);
    if (publishers_ != 0) return;  // a new one has come meanwhile
    ended_ = true;
    for (auto& [who, s] : subscribers_) {
      for (auto& [key, b] : s.bindings) {
        for (; b->inputs != 0; --b->inputs) ends.push_back(b->subscriber);
      }
    }
  }
  for (const any_ref& who : ends) who.get_cell()->send_input_end();
}

std::size_t exchange_state::subscribers() const {
  std::lock_guard guard(mutex_);
  return subscribers_.size();
}

// --- the registry --------------------------------------------------------------------------------------------------

exchange_registry& exchange_registry::of(runtime& rt) {
  return *rt.core().service<exchange_registry>([] { return std::make_shared<exchange_registry>(); });
}

exchange_registry::~exchange_registry() {
  for (const auto& [name, state] : all_)
    if (state) state->close();
}

std::shared_ptr<exchange_state> exchange_registry::open(core& k, std::string name, exchange_kind kind,
                                                        std::type_index type, const char* type_name,
                                                        std::shared_ptr<broadcast_base> (*make_log)(),
                                                        const queue_maker& make_queue) {
  std::lock_guard guard(mutex_);
  auto& slot = all_[name];
  if (!slot) {
    std::shared_ptr<ack_queue_base> queue;
    if (kind == exchange_kind::queue)
      queue = make_queue.make(k, name, make_queue.options ? *make_queue.options : troupe::queue{});
    slot = std::make_shared<exchange_state>(k, std::move(name), kind, type, type_name,
                                            kind == exchange_kind::fanout ? make_log() : nullptr, queue);
    if (queue) queue->belongs_to(slot);
  } else if (slot->kind() != kind || slot->type() != type) {
    throw troupe_error(errc::type_mismatch,
                       fmt::format("exchange '{}' is a {} exchange of {}; it was asked for as a {} exchange of {}",
                                   name, to_string(slot->kind()), slot->type_name(), to_string(kind), type_name));
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
