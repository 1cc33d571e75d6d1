#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <vector>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>
#include <troupe/exchange/detail/bindings_between.hpp>
#include <troupe/exchange/detail/broadcast.hpp>
#include <troupe/exchange/detail/exchange_account.hpp>
#include <troupe/exchange/detail/group.hpp>
#include <troupe/exchange/exchange_info.hpp>
#include <troupe/exchange/router.hpp>

namespace troupe::detail {

/// An exchange, shared by its handles, publishers and subscriptions, and by the registry of its runtime.
///
/// X1. A binding is in the router or the log, and in `subscribers_`, from attach to detach. Publishers read it only
///     through the router, inside an epoch, or through the log, under its mutex. After detach it is freed by way of its
///     actor's inbox, behind all that came through it.
/// X2. The end: when the last publisher has gone, every input learns it by a message that goes behind all published
///     ones. Of a queue: when all that was published has been answered for, too.
/// X3. What a binding has counted is counted as its own while it is in `subscribers_`, in one of the two that are
///     leaving from then until it is final, for its gate is closed or its actor has ended, and in `gone_` after that;
///     what its backlog has counted goes with the last binding of a subscriber. So sums never fall.
class exchange_state : public std::enable_shared_from_this<exchange_state>, public queue_owner {
public:
  /// Publishes the message that it points to; returns to how many.
  using publish_any = std::size_t (*)(exchange_state&, const routing_facts& given, void* message);

  exchange_state(core& k, std::string name, exchange_kind kind, std::type_index type, const char* type_name,
                 std::shared_ptr<broadcast_base> log, std::shared_ptr<ack_queue_base> queue, publish_any by_pointer,
                 const exchange_options& options, const retained::box_ops& boxes);
  exchange_state(const exchange_state&) = delete;
  exchange_state& operator=(const exchange_state&) = delete;
  ~exchange_state();

  const std::string& name() const noexcept { return name_; }
  const exchange_kind& kind() const noexcept { return kind_; }
  std::type_index type() const noexcept { return type_; }
  const char* type_name() const noexcept { return type_name_; }
  core& home() const noexcept { return *core_; }
  /// For all kinds but fanout and queue.
  const router& routes() const noexcept { return *router_; }
  /// For fanout.
  broadcast_base& log() const noexcept { return *log_; }
  /// For queues.
  const std::shared_ptr<ack_queue_base>& acknowledged() const noexcept { return queue_; }
  /// Its type is that of the exchange.
  std::size_t publish(const routing_facts& given, void* message) { return publish_(*this, given, message); }

  /// What it keeps; null: nothing.
  retained* kept() const noexcept { return kept_.get(); }
  const exchange_options& options() const noexcept { return options_; }

  /// What is asked for by one `attach`.
  struct request {
    any_ref who;
    std::string key;
    bool input = false;                          ///< it counts as an input of the actor (X2)
    const subscribe_options* options = nullptr;  ///< null: those that the subscriber has already, or none
    /// Makes the typed binding, if there is none with this key, for a subscriber that has a backlog or not.
    std::function<std::unique_ptr<binding>(std::string key, bool has_backlog)> make_binding{};
    /// Makes the backlog, where there are options.
    std::function<std::shared_ptr<backlog_base>(std::weak_ptr<exchange_state> from)> make_backlog{};
  };
  struct attached {
    const binding* handle;  ///< the binding goes when the actor ends, which may be now
    std::shared_ptr<backlog_base> backlog;
    std::uint64_t stay = 0;  ///< of the subscriber: for as long as that lasts, the binding does
  };

  /// Binds a subscriber. Throws `troupe_error` for a bad key or bad options.
  attached attach(const request& wanted);
  /// One handle of `who`'s binding has gone. After it returns no delivery through the last one starts (C5). False if
  /// the subscriber had ended.
  bool detach(cell& who, const attached& what, bool input) noexcept;
  /// The subscriber has ended.
  void forget(const cell& who) noexcept;
  /// Detaches a subscriber, whatever handles there are; called by its slice.
  void disconnect(cell& who) noexcept;

  void add_publisher();
  void remove_publisher() noexcept;
  /// The last publisher has gone, and nothing is left for the inputs.
  void end_inputs() noexcept override;
  /// Those who share its messages.
  consumer_groups& groups() noexcept { return groups_; }
  const consumer_groups& groups() const noexcept { return groups_; }
  /// The runtime ends.
  void close() noexcept {
    over_.store(true, release);
    if (queue_) queue_->close();
  }
  /// Whether it has: then `home` is not there any more.
  bool over() const noexcept { return over_.load(acquire); }
  /// Throws `troupe_error` (`shutdown`) if it has.
  void require_up() const;

  /// Null while no exchange is attached to this one, it has no alternate, and nobody taps it.
  outlets* elsewhere() const noexcept { return elsewhere_.load(acquire); }
  /// Passes on to `target` what that key asks for. Throws `troupe_error` for a bad key, and where that would close a
  /// cycle. The result is for `detach_exchange`.
  const binding* attach_exchange(const std::shared_ptr<exchange_state>& target, std::string key, bool input);
  void detach_exchange(const binding* handle, bool input) noexcept;
  /// What nobody gets goes there. Throws `troupe_error`: there is another one, or it would close a cycle.
  void send_unroutable_to(const std::shared_ptr<exchange_state>& alternate);

  /// Counts as a publisher of `target` until it ends: for what goes there but by an attached exchange, such as dead
  /// letters. Before it has ended.
  void publishes_to(std::shared_ptr<exchange_state> target);

  /// A tap is shown what is published from now on, or no more. It is bound only with a pattern that passed `check_tap`,
  /// which throws `troupe_error`.
  void check_tap(std::string_view pattern) const;
  void add_tap(binding& b);
  void remove_tap(binding& b) noexcept;

  /// Publishers find it no more: it goes behind the last message that came through it (X1).
  static void free_later(binding& b) noexcept;

  void count_unroutable() noexcept { unroutable_.fetch_add(1, relaxed); }
  std::uint64_t unroutable() const noexcept { return unroutable_.load(relaxed); }
  exchange_account& account() const noexcept { return *account_; }
  exchange_counts counts() const;
  /// All that there is to see of it.
  exchange_info info() const;
  /// Of one binding; `handle` as for `detach`. Only what the backlog has counted, if it has gone.
  subscription_counts counts_of(const cell& who, const binding* handle, const backlog_base* backlog) const;
  std::size_t subscribers() const;
  /// How often it has ended: a publisher may come again.
  std::uint64_t ends() const;
  /// The same without the end that has come and still holds.
  std::uint64_t ends_revoked() const;

private:
  class hook;
  struct subscriber {
    std::map<std::string_view, binding*> bindings;  // by their keys
    std::shared_ptr<hook> on_end;
    std::shared_ptr<backlog_base> backlog;  // of those who have options
    std::uint64_t stay = 0;                 // from its first binding to its last: no other has the number
  };
  /// By age, not by address: the order in which ends are told must be the same in each run (C12).
  struct older {
    bool operator()(const cell* a, const cell* b) const noexcept { return a->id() < b->id(); }
  };

  void check(const request& wanted) const;
  void check_key(std::string_view key) const;
  outlets& make_outlets();
  void refuse_cycle(const exchange_state& next, std::string_view what) const;
  void share_backlog(subscriber& s, const request& wanted);
  binding* add_binding(subscriber& s, const request& wanted, publish_aftermath& after);
  void bind(binding& b, const subscriber& s, publish_aftermath& after);
  /// Publishers find the binding no more. Under the mutex.
  void unroute(binding& b) noexcept;
  /// Its gate is closed, or its actor has ended: counts what that will not get. Not under the mutex: messages are
  /// destroyed.
  void leave_unread(binding& b) noexcept;
  // X3
  using subscriber_map = std::map<const cell*, subscriber, older>;
  using leaving_map = std::multimap<const cell*, subscriber, older>;
  leaving_map::iterator begin_leaving(subscriber_map::iterator s) noexcept;
  void has_left(binding& b) noexcept;
  leaving_map::node_type have_left(leaving_map::iterator s) noexcept;
  exchange_counts sum_up() const;

  core* const core_;  // used only while there are subscribers, which keep it alive
  const std::string name_;
  const exchange_kind kind_;
  const std::type_index type_;
  const char* const type_name_;
  const exchange_options options_;
  const std::unique_ptr<retained> kept_;         // null if it keeps nothing; goes after the log
  const std::unique_ptr<router> router_;         // null for fanout and queue
  const std::shared_ptr<broadcast_base> log_;    // null but for fanout
  const std::shared_ptr<ack_queue_base> queue_;  // null but for queue
  const publish_any publish_;

  mutable std::mutex mutex_;
  subscriber_map subscribers_;  // under mutex_
  std::uint64_t stays_ = 0;     // under mutex_
  unsigned publishers_ = 0;     // under mutex_
  // Under mutex_: the last publisher has gone, and of a queue all that was published has been answered for.
  bool ended_ = false;
  std::uint64_t ends_ = 0;  // under mutex_: how often that has been so
  atomic<std::uint64_t> unroutable_{0};
  std::unique_ptr<outlets> outlets_;  // set once, under mutex_
  // The same while it is in use (XB4); written under mutex_, release pairs with acquire in elsewhere().
  atomic<outlets*> elsewhere_{nullptr};
  const std::shared_ptr<exchange_account> account_;  // the core keeps it too (DA2)

  // Behind what most publishes read.
  atomic<bool> over_{false};  // the runtime has ended; release pairs with the acquire of who wants to use it
  consumer_groups groups_;
  std::vector<std::shared_ptr<exchange_state>> published_to_;  // under mutex_
  std::multimap<std::string_view, binding*> leaving_;  // one of several bindings of a subscriber; X3, under mutex_
  leaving_map leaving_subscribers_;                    // with all of theirs; X3, under mutex_
  struct {
    std::uint64_t deliveries = 0;
    backlog_base::figures backlogs{};
    std::uint64_t passed_on = 0;
  } gone_;  // X3; under mutex_
};

/// Of a subscription that has ended: what its backlog, if it had one, has counted.
subscription_counts counts_at_end(const backlog_base* backlog) noexcept;

/// What makes a queue, and its options if it was asked for with some; and how a message of the type of the exchange is
/// published by those who do not know it.
struct queue_maker {
  std::shared_ptr<ack_queue_base> (*make)(core&, const std::string& name, const queue&);
  const queue* options;
  exchange_state::publish_any publish;
};

/// All exchanges of a runtime, by name.
class exchange_registry : public std::enable_shared_from_this<exchange_registry> {
public:
  exchange_registry() = default;
  exchange_registry(const exchange_registry&) = delete;
  exchange_registry& operator=(const exchange_registry&) = delete;
  ~exchange_registry();

  static exchange_registry& of(core& k);

  /// The exchange of that name, made if there is none. Throws `troupe_error` (`type_mismatch`) if it has another kind
  /// or message type, or the dead letters of a queue have another type than the exchange that is to get them.
  std::shared_ptr<exchange_state> open(core& k, std::string name, exchange_kind kind, std::type_index type,
                                       const char* type_name, std::shared_ptr<broadcast_base> (*make_log)(),
                                       const queue_maker& make_queue, const exchange_options* options,
                                       const retained::box_ops& boxes);

  /// Null if there is none of that name.
  std::shared_ptr<exchange_state> find(std::string_view name) const;
  /// By name; with the queues of groups.
  std::vector<std::shared_ptr<exchange_state>> all() const;

private:
  void check_letters_for(const std::string& name, std::type_index type, const char* type_name) const;
  void check_letters_of(const ack_queue_base& q, const std::string& name) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<exchange_state>, std::less<>> all_;
  // By the exchange that is to get their dead letters.
  std::multimap<std::string, std::shared_ptr<exchange_state>, std::less<>> with_dead_letters_;
};

/// For test kits: told of each exchange whose runtime has ended, unless an actor did not end. Null: nobody is.
extern constinit atomic<void (*)(const exchange_state&)> exchange_ended;

/// A route that is reused by the calling thread, unless a publish is under way on it: then a fresh one.
class borrowed_route {
public:
  borrowed_route();
  ~borrowed_route();
  borrowed_route(const borrowed_route&) = delete;
  borrowed_route& operator=(const borrowed_route&) = delete;
  route& operator*() noexcept { return *route_; }

private:
  route* route_;
  std::unique_ptr<route> own_;
};

}  // namespace troupe::detail
