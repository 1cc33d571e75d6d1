#include <troupe/remote/detail/caf_peer.hpp>
#include <troupe/remote/detail/caf_proxy.hpp>

namespace troupe::detail {

// --- an actor of CAF's, seen from Troupe ---------------------------------------------------------------------------

void caf_asker::enqueue(caf::mailbox_element_ptr e, caf::execution_unit*) {
  if (!e->mid.is_response()) return;
  std::unique_ptr<caf_question> q;
  {
    std::lock_guard guard(mutex_);
    const auto found = waiting_.find(e->mid.request_id().integer_value());
    if (found == waiting_.end()) return;
    q = std::move(found->second);
    waiting_.erase(found);
  }
  q->answer(e->content());
}

std::uint64_t caf_asker::add(std::unique_ptr<caf_question> q) {
  std::lock_guard guard(mutex_);
  if (over_) {
    q->fail(*over_);
    return 0;
  }
  waiting_.emplace(++last_, std::move(q));
  return last_;
}

void caf_asker::fail_all(const error& why) noexcept {
  decltype(waiting_) left;
  {
    std::lock_guard guard(mutex_);
    over_ = std::make_unique<error>(why);
    left.swap(waiting_);
  }
  for (auto& [number, q] : left) q->fail(why);
}

/// Stands in the list of the other, which ends it with itself.
class caf_peer::end_watch final : public caf::attachable {
public:
  static constexpr std::size_t token_type = 0x7472;  // none of CAF's own

  end_watch(any_ref peer, const void* mark, std::shared_ptr<caf_fate> fate) noexcept
      : peer_(std::move(peer)), mark_(mark), fate_(std::move(fate)) {}
  void actor_exited(const caf::error& reason, caf::execution_unit*) override {
    fate_->has_ended(reason && reason != caf::exit_reason::user_shutdown);
    peer_.get_cell()->end_with(from_caf_reason(reason));
  }
  bool matches(const token& what) override { return what.subtype == token_type && what.ptr == mark_; }

private:
  any_ref peer_;
  const void* mark_;
  std::shared_ptr<caf_fate> fate_;
};

caf_fate::caf_fate(caf::abstract_actor& of) noexcept
    : scheduled_(dynamic_cast<caf::scheduled_actor*>(&of)), blocking_(dynamic_cast<caf::blocking_actor*>(&of)) {}

bool caf_fate::is_over() const noexcept {
  return end_.load(acquire) != end::none || (scheduled_ && scheduled_->mailbox().closed()) ||
         (blocking_ && blocking_->mailbox().closed());
}

caf_peer::caf_peer(caf::strong_actor_ptr to)
    : core_(cell_of(*this).core()), to_(std::move(to)), fate_(std::make_shared<caf_fate>(*to_->get())) {}

void caf_peer::on_start() {
  to_->get()->attach(caf::attachable_ptr(new end_watch(any_ref(&cell_of(*this)), this, fate_)));
}

void caf_peer::on_stop() {
  ended_here_ = true;
  // At normal priority: behind what was sent before (C4).
  to_->enqueue(nullptr, caf::make_message_id(),
               caf::make_message(caf::exit_msg{caf::actor_addr(), caf::exit_reason::user_shutdown}), nullptr);
}

caf_peer::~caf_peer() {
  to_->get()->detach(caf::attachable::token(end_watch::token_type, this));
  // Of one that has ended by itself the mailbox is closed.
  if (!ended_here_)
    to_->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
                 caf::make_message(caf::exit_msg{caf::actor_addr(), caf::exit_reason::kill}), nullptr);
  if (asker_)
    static_cast<caf_asker*>(asker_->get())
        ->fail_all(error(errc::closed, "the CAF actor, or what stands for it, ended"));
}

std::uint64_t caf_peer::ask_as(std::unique_ptr<caf_question> q) {
  if (!asker_) {
    caf::actor_system& system = to_->get()->home_system();
    caf::actor_config config;
    asker_ = caf::make_actor<caf_asker, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system, config);
  }
  return static_cast<caf_asker*>(asker_->get())->add(std::move(q));
}

// --- an actor of Troupe's, seen from CAF ---------------------------------------------------------------------------

/// Stands in the list of the other. Holds no reference to the proxy: who holds none in CAF needs none.
class caf_proxy::end_watch final : public end_observer {
public:
  explicit end_watch(caf_proxy& p) : proxy_(p.ctrl()) {}
  void actor_gone(cell&, const exit_reason& reason) noexcept override {
    if (const caf::strong_actor_ptr p = proxy_.lock())
      static_cast<caf_proxy*>(p->get())->cleanup(to_caf_reason(reason), nullptr);
  }

private:
  caf::weak_actor_ptr proxy_;
};

void caf_proxy::watch() {
  watch_ = std::make_shared<end_watch>(*this);
  to_.get_cell()->add_observer(watch_);
}

void caf_proxy::on_destroy() {
  if (watch_) to_.get_cell()->remove_observer(*watch_);
  if (!getf(is_cleaned_up_flag)) cleanup(caf::exit_reason::unreachable, nullptr);
  monitorable_actor::on_destroy();
}

void caf_proxy::enqueue(caf::mailbox_element_ptr e, caf::execution_unit*) {
  if (take(*e)) return;
  caf::type_erased_tuple& content = e->content();
  if (content.match_elements<caf::exit_msg>()) {
    const caf::error& reason = content.get_as<caf::exit_msg>(0).reason;
    if (reason == caf::exit_reason::user_shutdown)
      to_.close();
    else if (reason == caf::exit_reason::kill)
      to_.kill();
    else if (reason)
      to_.get_cell()->end_with(from_caf_reason(reason));
    return;
  }
  if (content.match_elements<caf::error>() || e->mid.is_response()) return;
  core& k = to_.get_cell()->core();
  k.count(&core::counters::sent);
  k.lose(*to_.get_cell(), loss::unhandled, "a message of CAF's");
  caf_requester{std::move(e->sender), e->mid}.fail(error(errc::unhandled, "Troupe's actor has no handler for it"));
}

}  // namespace troupe::detail
