#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/testing/detail/drive.hpp>
#include <troupe/testing/detail/probe_actor.hpp>

namespace troupe::testing {

/// An actor that takes the messages that it declares and keeps them for the test, which expects them one by one:
///
///     troupe::runtime rt({.seed = 1});
///     troupe::testing::probe<tick, double(get_mean)> p(rt);
///     p.answer<get_mean>([](const get_mean&) { return 1.5; });
///     auto f = rt.spawn<filter>(p);        // goes where a ref or an address of these is wanted
///     f.send(tick{"ACME", 10});
///     EXPECT_EQ(p.expect<tick>().price, 10);
///
/// It is the `ref` of its actor. Expectations run the runtime, which must be deterministic, until what they wait for is
/// there, at most for so long in virtual time; when it does not come, or something else does, they fail the test with
/// what came, or what was waited for, and the seed, and leave it. For the body of the test, on the thread of the
/// runtime, before which the probe must go. What nobody expected goes with the probe; whoever asked, and has no answer,
/// gets `cancelled` then.
template <class... Parts>
class probe final : public ref<probe_actor<Parts...>>, private detail::sender_book {
  template <class M>
  using part_asked = typename troupe::detail::part_asked<M, Parts...>::type;
  template <class M>
  using reply_to = typename detail::part_of<part_asked<M>>::reply;
  template <class M>
  static constexpr bool takes_it = (std::is_same_v<M, typename detail::part_of<Parts>::message> || ...);

public:
  /// With a name, which reports show. Throws `troupe_error`: `invalid_argument` if the runtime has no seed,
  /// `already_exists` if a living actor has the name.
  explicit probe(runtime& rt, std::string name = {})
      : probe(rt, std::move(name), std::make_shared<detail::probe_state<Parts...>>()) {}
  probe(const probe&) = delete;
  probe& operator=(const probe&) = delete;
  ~probe() {
    rt_->core().remove_tap(*this);
    state_->over = true;
    state_->line.clear();
    (close_questions<Parts>(), ...);
  }

  /// The plain reference, to be copied: into the arguments of a green thread, say.
  const ref<probe_actor<Parts...>>& as_ref() const noexcept { return *this; }

  /// From now on questions `M` are answered with what `f(const M&)` returns; they are kept for the test too. Without,
  /// the test answers by `reply`. An exception of `f` crashes the probe; whoever asked gets `crashed` with its text.
  template <class M, class F>
  void answer(F f) {
    require_question<M>();
    if constexpr (!std::is_void_v<part_asked<M>>) answers<part_asked<M>>().answer = std::move(f);
  }

  /// Answers the oldest question `M` that was expected and is not answered: with a value, or a `troupe::error`. Nothing
  /// to answer fails the test.
  template <class M>
  void reply(result<reply_to<M>> value = {}, std::source_location where = std::source_location::current()) {
    require_question<M>();
    if constexpr (!std::is_void_v<part_asked<M>>) {
      auto& open = answers<part_asked<M>>().open;
      if (open.empty())
        fail(std::string("reply to a ") + type_name<M>() + ", but none was expected that has no answer", where);
      promise<reply_to<M>> to = std::move(open.front());
      open.pop_front();
      to.give(std::move(value));
    }
  }

  /// The next message, which must be an M.
  template <class M>
  M expect(std::chrono::nanoseconds within = detail::patience,
           std::source_location where = std::source_location::current()) {
    return expect_where<M>(
        within, type_name<M>(), [](const M&) { return true; }, {}, where);
  }

  /// The next message, which must be an M for which `fits(const M&)` holds.
  template <class M, class F>
  M expect_that(F fits, std::chrono::nanoseconds within = detail::patience,
                std::source_location where = std::source_location::current()) {
    return expect_where<M>(within, std::string(type_name<M>()) + " that fits", std::move(fits), {}, where);
  }

  /// The next message, which must be an M that this actor has sent.
  template <class M>
  M expect_from(const any_ref& sender, std::chrono::nanoseconds within = detail::patience,
                std::source_location where = std::source_location::current()) {
    return expect_where<M>(
        within, std::string(type_name<M>()) + " from " + detail::name_of(sender), [](const M&) { return true; }, sender,
        where);
  }

  /// The next messages, which must be one of each of these types, in any order. The time is for all together.
  template <class... Ms>
  requires(sizeof...(Ms) >
           0) std::tuple<Ms...> expect_all(std::chrono::nanoseconds within = detail::patience,
                                           std::source_location where = std::source_location::current()) {
    (require<Ms>(), ...);
    const std::int64_t deadline = deadline_after(rt_->scheduler().now(), within);
    std::tuple<std::optional<Ms>...> got;
    for (std::size_t i = 0; i != sizeof...(Ms); ++i) {
      std::string wanted;
      std::apply([&](const auto&... one) { ((wanted += missing_text(one)), ...); }, got);
      wait_for_one(deadline, "each of" + wanted, where);
      const bool fits = std::apply([&](auto&... one) { return (this->take_into(one) || ...); }, got);
      if (!fits) fail_at_front("each of" + wanted, where);
    }
    return std::apply([](auto&... one) { return std::tuple<Ms...>(std::move(*one)...); }, got);
  }

  /// The next messages, which must equal these values, in any order.
  template <class... Ms>
  requires(sizeof...(Ms) > 0) void expect_all(const Ms&... values) {
    (require<Ms>(), ...);
    const auto where = std::source_location::current();
    const std::int64_t deadline = deadline_after(rt_->scheduler().now(), detail::patience);
    std::array<bool, sizeof...(Ms)> got{};
    for (std::size_t n = 0; n != got.size(); ++n) {
      std::string wanted = "each of";
      std::size_t at = 0;
      ((wanted += got[at++] ? "" : std::string(" ") + type_name<Ms>() + detail::value_text(values)), ...);
      wait_for_one(deadline, wanted, where);
      at = 0;
      const auto fits = [&]<class M>(const M& value) {
        const std::size_t mine = at++;
        const M* message = this->template front_as<M>();
        if (got[mine] || !message || !(*message == value)) return false;
        got[mine] = true;
        (void)this->template take<M>();
        return true;
      };
      if (!(fits(values) || ...)) fail_at_front(wanted, where);
    }
  }

  /// No message at all for so long, of virtual time, or until nothing can run and nothing is due.
  void expect_no_message(std::chrono::nanoseconds within = detail::patience,
                         std::source_location where = std::source_location::current()) {
    if (state_->line.empty() && detail::drive(*rt_, within, [this] { return !state_->line.empty(); })) return;
    fail("expected no message within " + detail::time_text(within) + ", but " + front_text() + " came", where);
  }

  /// All messages up to the first that is not an M for which `fits(const M&)` holds, which stays, or until none has
  /// come for so long.
  template <class M, class F>
  std::vector<M> receive_while(F fits, std::chrono::nanoseconds idle = detail::patience) {
    require<M>();
    std::vector<M> all;
    for (;;) {
      if (state_->line.empty() && detail::drive(*rt_, idle, [this] { return !state_->line.empty(); })) return all;
      const M* next = front_as<M>();
      if (!next || !fits(*next)) return all;
      all.push_back(take<M>());
    }
  }

  /// The actor ends within that time, if it has not; gives how. What it had sent before is there, or on its way.
  exit_reason expect_down(const any_ref& who, std::chrono::nanoseconds within = detail::patience,
                          std::source_location where = std::source_location::current()) {
    if (const auto why = detail::drive(*rt_, within, [&] { return !who.alive(); }))
      fail("expected the end of " + who.name() + " within " + detail::time_text(within) + ", but it lives" + *why,
           where);
    return who.join(std::chrono::nanoseconds(0)).value();
  }

  /// For a probe that declares `troupe::down`: it comes as a message when the other ends, behind what that had sent.
  void monitor(const any_ref& other, std::source_location where = std::source_location::current()) {
    static_assert(takes_it<down>, "troupe: a probe that monitors declares the news: probe<troupe::down, ...>");
    if (!this->get_cell()->has_object()) fail("the probe " + this->name() + " has ended: it cannot monitor", where);
    this->get_cell()->template object<probe_actor<Parts...>>()->watch(other);
  }

  /// Who has sent the message that the test got last; stands for nobody if it was no actor: the test, a green thread, a
  /// timer, an exchange that keeps its messages in a log.
  any_ref sender() const { return sender_of(last_sender_); }

private:
  probe(runtime& rt, std::string name, std::shared_ptr<detail::probe_state<Parts...>> s)
      : ref<probe_actor<Parts...>>(with_seed(rt).template spawn<probe_actor<Parts...>>({.name = std::move(name)}, s)),
        sender_book(rt),
        state_(std::move(s)) {
    rt.core().add_tap(*this);
  }

  /// Looked at before there is an actor, which would stay, and keep its name.
  static runtime& with_seed(runtime& rt) {
    rt.core().require_taps();
    return rt;
  }

  void handling(cell& by, troupe::detail::envelope& e) override {
    if (&by == this->get_cell()) state_->sender = e.trace;
  }
  void reading(cell& by, const char*) noexcept override {
    if (&by == this->get_cell()) state_->sender = 0;
  }

  template <class M>
  static consteval void require() {
    static_assert(takes_it<M>, "troupe: this probe does not take that message: declare it, as in probe<tick, M>");
  }
  template <class M>
  static consteval void require_question() {
    static_assert(!std::is_void_v<part_asked<M>>,
                  "troupe: this probe cannot be asked with that message: declare it with its reply, as in probe<R(M)>");
  }

  template <class Part>
  detail::probe_answer<Part>& answers() noexcept {
    return *state_;
  }
  template <class Part>
  void close_questions() noexcept {
    if constexpr (!std::is_same_v<Part, typename detail::part_of<Part>::message>) {
      answers<Part>().answer = nullptr;  // it may hold what goes with the probe
      answers<Part>().open.clear();
    }
  }

  [[noreturn]] void fail(const std::string& what, const std::source_location& where) const {
    detail::fail(*rt_, "probe " + this->name() + ": " + what, where);
  }
  [[noreturn]] void fail_at_front(const std::string& wanted, const std::source_location& where) const {
    fail("expected " + wanted + ", but " + front_text() + " came", where);
  }
  std::string front_text() const {
    const detail::kept_message& m = *state_->line.front();
    return m.text() + " from " + detail::name_of(sender_of(m.sender));
  }

  void wait_for_one(std::int64_t deadline, const std::string& wanted, const std::source_location& where) {
    if (!state_->line.empty()) return;
    const std::chrono::nanoseconds left(deadline - rt_->scheduler().now());
    if (const auto why = detail::drive(*rt_, left, [this] { return !state_->line.empty(); }))
      fail("waited for " + wanted + ", but nothing came in time" + *why, where);
  }

  template <class M>
  const M* front_as() const noexcept {
    const auto* m = dynamic_cast<const detail::kept<M>*>(state_->line.front().get());
    return m ? &m->message : nullptr;
  }

  /// The first, which is an M.
  template <class M>
  M take() {
    const std::unique_ptr<detail::kept_message> first = std::move(state_->line.front());
    state_->line.pop_front();
    last_sender_ = first->sender;
    if constexpr (!std::is_void_v<part_asked<M>>) {
      auto& question = static_cast<detail::kept_question<M, reply_to<M>>&>(*first);
      if (question.reply) answers<part_asked<M>>().open.push_back(std::move(question.reply));
    }
    return std::move(static_cast<detail::kept<M>&>(*first).message);
  }

  template <class M, class F>
  M expect_where(std::chrono::nanoseconds within, const std::string& wanted, F fits,
                 const std::optional<any_ref>& sender, const std::source_location& where) {
    require<M>();
    wait_for_one(deadline_after(rt_->scheduler().now(), within), wanted + " for " + detail::time_text(within), where);
    const M* first = front_as<M>();
    if (!first || !fits(*first)) fail_at_front(wanted, where);
    if (sender && sender_of(state_->line.front()->sender) != *sender) fail_at_front(wanted, where);
    return take<M>();
  }

  template <class M>
  static std::string missing_text(const std::optional<M>& one) {
    return one ? std::string() : std::string(" ") + type_name<M>();
  }
  template <class M>
  bool take_into(std::optional<M>& one) {
    if (one || !front_as<M>()) return false;
    one.emplace(take<M>());
    return true;
  }

  std::shared_ptr<detail::probe_state<Parts...>> state_;
  std::uint64_t last_sender_ = 0;
};

}  // namespace troupe::testing
