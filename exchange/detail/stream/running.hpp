#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/actors/dispatch.hpp>
#include <troupe/exchange/detail/stream/ends.hpp>
#include <troupe/exchange/detail/stream/exchange_source.hpp>
#include <troupe/exchange/detail/stream/stream_actor.hpp>

namespace troupe::detail {

/// A stream with its stages and its end, for a `stream_actor`. `End` is the state of its end, whose `sink<In>` refers
/// to it.
template <class Stream, class End>
class running final : public stream_program {
  using sink = typename End::template sink<typename Stream::reference>;

public:
  running(const Stream& s, std::shared_ptr<stream_control> c, End&& end)
      : stream_program(std::move(c)), stream_(s), end_(std::move(end)), stages_(stream_.program_into(sink(end_))) {
    auto look = [&](auto, const auto& source) { ends_before_.push_back(source.from.state().ends_revoked()); };
    stream_.template visit_inputs<0>(look);
  }

  void begin() override {
    stages_.start(clock);
    settle_down();
  }

  template <std::size_t I, class M>
  root_handle take(const M& message) {
    if (over_) return {};
    bool more = false;
    try {
      more = stages_.template push<I>(message);
    } catch (...) {
      failed(stages_, std::current_exception());
    }
    if (!more) settle_down();
    if (has_pending()) return finish(deliver()).handle;
    return {};
  }

  void due(const stream_due& d) override {
    timed_stage* const stage = over_ ? nullptr : clock.stage_of(d);
    if (!stage) return;
    try {
      stage->due();
    } catch (...) {
      struct behind {
        timed_stage* stage;
        flow fail(std::exception_ptr why) { return stage->fail_behind(std::move(why)); }
      } from{stage};
      failed(from, std::current_exception());
    }
    settle_down();
  }

  void end() override {
    if (over_) return;
    over_ = true;
    complete();
  }

  void abandon(errc why) override {
    if (over_) return;
    over_ = true;
    if constexpr (requires { end_.abandon(why); }) end_.abandon(why);
  }

  bool sources_have_ended() const override {
    bool all = true;
    auto look = [&](auto number, const auto& source) {
      all = all && (!stages_.template wants_input<decltype(number)::value>() ||
                    source.from.state().ends() > ends_before_[number]);
    };
    stream_.template visit_inputs<0>(look);
    return all;
  }

  bool has_pending() const noexcept override {
    if constexpr (requires { end_.has_pending(); })
      return end_.has_pending();
    else
      return false;
  }

  task<> deliver() override {
    if constexpr (requires { end_.deliver(); }) {
      task<> all = end_.deliver();
      co_await all;
      settle_down();
    }
    co_return;
  }

private:
  /// Gives a failure to the first operator that may handle it; lets it through as the actor's own if there is none.
  template <class Part>
  void failed(Part& part, std::exception_ptr why) {
    switch (settle(part, why)) {
      case flow::handled: return;
      case flow::again: (void)stages_.restart(); return;
      case flow::unhandled: break;
    }
    over_ = true;
    control->detach_all();
    std::rethrow_exception(why);
  }

  /// After something has been said not to be wanted any more.
  void settle_down() {
    if (over_) return;
    stages_.settle_sides();
    if (!stages_.wants()) {
      over_ = true;
      control->detach_all();
      complete();
      self.close();
    } else if constexpr (Stream::inputs > 1) {
      [this]<std::size_t... I>(std::index_sequence<I...>) {
        (void)((stages_.template wants_input<I>() || (control->detach(I), true)) && ...);
      }
      (std::make_index_sequence<Stream::inputs>());
    }
  }

  void complete() {
    for (;;) {
      std::exception_ptr why;
      try {
        return stages_.complete();
      } catch (...) {
        why = std::current_exception();
      }
      failed(stages_, why);
    }
  }

  const Stream stream_;
  std::vector<std::uint64_t> ends_before_;  // of each source, when this was made
  End end_;
  typename Stream::template program<sink> stages_;
  bool over_ = false;
};

// --- how a message of an exchange comes to its input ---------------------------------------------------------------

template <class Program, std::size_t I, class M>
root_handle take_input(cell& c, const M& message) {
  return static_cast<Program&>(object_of<stream_actor>(c).program()).template take<I>(message);
}

template <class Program, std::size_t I, class M>
inline constexpr message_ops own_input_ops{
    .handle = [](cell& c, envelope& e) { return take_input<Program, I>(c, static_cast<own_envelope<M>&>(e).message); },
    .destroy = &destroy_own<M>,
    .size = sizeof(own_envelope<M>),
    .alignment = alignof(own_envelope<M>),
    .name = type_name<M>(),
    .type = &typeid(M),
    .payload = &payload_of_own<M>,
    .urgency = &urgency_of_own<M>,
    .kept = true};

template <class Program, std::size_t I, class M>
inline constexpr message_ops shared_input_ops{.handle =
                                                  [](cell& c, envelope& e) {
                                                    return take_input<Program, I>(
                                                        c, static_cast<shared_envelope<M>&>(e).shared->message);
                                                  },
                                              .gate = &gate_of<M>,
                                              .destroy = &destroy_shared<M>,
                                              .size = sizeof(shared_envelope<M>),
                                              .alignment = alignof(shared_envelope<M>),
                                              .name = type_name<M>(),
                                              .type = &typeid(M),
                                              .payload = &payload_of_shared<M>,
                                              .urgency = &urgency_of_shared<M>,
                                              .stashed = &stash_shared<M>,
                                              .gone = &gone_ops<shared_envelope<M>>};

template <class Program, std::size_t I, class M>
inline constexpr typed_address_ops<M> input_ops{{&own_input_ops<Program, I, M>, &shared_input_ops<Program, I, M>},
                                                &take_input<Program, I, M>};

/// Where a stream runs: with its exchanges.
template <class Stream>
core& home_of(const Stream& s) {
  core* home = nullptr;
  auto look = [&](auto, const auto& source) { home = &source.from.state().home(); };
  s.template visit_inputs<0>(look);
  return *home;
}

/// What `start_stream` gives.
struct started_stream {
  std::shared_ptr<stream_control> control;
  any_ref actor;
};

/// Makes the actor and attaches it to its exchanges. Throws what spawning and attaching throw; nothing runs then.
template <class Stream, class End>
started_stream start_stream(const Stream& s, End end) {
  std::string names;
  std::vector<const void*> seen;
  auto look = [&](auto, const auto& source) {
    if (std::find(seen.begin(), seen.end(), &source.from.state()) != seen.end())
      throw troupe_error(errc::invalid_argument,
                         "stream: exchange '" + source.from.name() +
                             "' stands twice in it, and an actor gets each message of an exchange once; pass one side "
                             "through an exchange of its own, by to()");
    seen.push_back(&source.from.state());
    names += (names.empty() ? "" : ", ") + source.from.name();
  };
  s.template visit_inputs<0>(look);

  using program = running<Stream, End>;
  started_stream made{std::make_shared<stream_control>(Stream::inputs), {}};
  made.actor = spawn_stream(home_of(s), names, std::make_shared<program>(s, made.control, std::move(end)));
  cell& c = *made.actor.get_cell();
  c.add_input();  // so that the first exchange does not close it before the last is attached
  try {
    auto attach = [&]<std::size_t I, class Source>(std::integral_constant<std::size_t, I>, const Source& source) {
      using message = typename Source::message;
      made.control->keep(I, source.attach(address<message>(made.actor, &input_ops<program, I, message>)));
    };
    s.template visit_inputs<0>(attach);
  } catch (...) {
    made.control->gate.close();
    made.control->detach_all();
    made.actor.kill();
    throw;
  }
  c.send_input_end();
  return made;
}

}  // namespace troupe::detail
