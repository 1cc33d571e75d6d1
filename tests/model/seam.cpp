#include <linux/futex.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include <model/engine.hpp>
#include <troupe/base/pool.hpp>

/// What the code under test calls: the functions of atomic.hpp and of explorer.hpp, and the pool.
namespace troupe::model {

namespace {

const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    case std::memory_order_seq_cst: return "seq_cst";
    default: return "acquire";
  }
}

void note(engine& e, const char* what, const location& l, std::uint64_t bits, std::memory_order order,
          const source& where) {
  if (!e.tracing()) return;
  const char* file = std::strrchr(where.file_name(), '/');
  e.trace(fmt::format("{:<8} v{:<3} {:#x} {:<8} {}:{}", what, l.id, bits, name_of(order),
                      file ? file + 1 : where.file_name(), where.line()));
}

/// The engine if the variable belongs to the execution that is going on; null if it was made outside of all.
engine* engine_of(const location& l) noexcept {
  engine& e = the_engine();
  if (!e.runs() || l.execution == 0) return nullptr;
  if (l.execution != e.execution() || !e.variables().is(l.id, &l))
    e.fail("a variable is used that is none: its memory holds something else");
  return &e;
}

}  // namespace

void made(location& l) noexcept {
  engine& e = the_engine();
  if (!e.runs()) return;
  l.execution = e.execution();
  l.id = e.variables().make(e.thread(), &l, l.bits);
}

void unmade(location& l) noexcept {
  if (engine* e = engine_of(l)) e->variables().unmake(e->thread(), l.id);
}

std::uint64_t load(location& l, std::memory_order order, const source& where) noexcept {
  engine* e = engine_of(l);
  if (!e) return l.bits;
  e->step();
  const std::uint64_t bits = e->variables().load(e->thread(), l.id, order, where);
  note(*e, "load", l, bits, order, where);
  return bits;
}

void store(location& l, std::uint64_t bits, std::memory_order order, const source& where) noexcept {
  if (engine* e = engine_of(l)) {
    e->step();
    e->variables().store(e->thread(), l.id, bits, order, where);
    if (bits != l.bits) e->changed();
    note(*e, "store", l, bits, order, where);
  }
  l.bits = bits;
}

std::uint64_t begin_modify(location& l, const source& where) noexcept {
  engine* e = engine_of(l);
  if (!e) return l.bits;
  e->step();
  return e->variables().newest(e->thread(), l.id, where);
}

void end_modify(location& l, std::uint64_t bits, std::memory_order order, const source& where) noexcept {
  if (engine* e = engine_of(l)) {
    e->variables().modify(e->thread(), l.id, bits, order);
    if (bits != l.bits) e->changed();
    note(*e, "modify", l, bits, order, where);
  }
  l.bits = bits;
}

bool compare_exchange(location& l, std::uint64_t& expected, std::uint64_t desired, std::memory_order success,
                      std::memory_order failure, const source& where) noexcept {
  engine* e = engine_of(l);
  bool done = false;
  if (e) {
    e->step();
    done = e->variables().compare_exchange(e->thread(), l.id, expected, desired, success, failure, where);
    if (done) e->changed();
    note(*e, done ? "cas" : "cas fails", l, done ? desired : expected, done ? success : failure, where);
  } else {
    done = l.bits == expected;
    if (!done) expected = l.bits;
  }
  if (done) l.bits = desired;
  return done;
}

void read_plain(location& l, const source& where) noexcept {
  if (engine* e = engine_of(l)) e->variables().read_plain(e->thread(), l.id, where);
}

void write_plain(location& l, const source& where) noexcept {
  if (engine* e = engine_of(l)) e->variables().write_plain(e->thread(), l.id, where);
}

void relax() noexcept {
  engine& e = the_engine();
  if (e.runs()) e.relax();
}

long futex(atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* deadline) noexcept {
  engine* e = engine_of(word.at_);
  if (!e) return 0;
  e->step();
  const source where = source::current();
  if (operation == FUTEX_WAKE) {
    note(*e, "wake", word.at_, 0, std::memory_order_relaxed, where);
    e->wake(&word);
    return 0;
  }
  // The kernel compares and goes to sleep under a lock of its own.
  note(*e, "sleep", word.at_, value, std::memory_order_relaxed, where);
  errno = EAGAIN;
  if (e->variables().newest(e->thread(), word.at_.id, where) != value) return -1;
  if (e->wait(&word, deadline != nullptr)) return 0;
  note(*e, "timeout", word.at_, value, std::memory_order_relaxed, where);
  errno = ETIMEDOUT;
  return -1;
}

bool mutant(int number) noexcept {
  static const int wanted = [] {
    const char* text = std::getenv("TROUPE_MODEL_MUTANT");
    return text ? std::atoi(text) : 0;
  }();
  return number == wanted;
}

outcome explore(const std::function<void()>& program, const limits& within, const std::string& schedule) {
  if (!schedule.empty()) return the_engine().replay(program, within, schedule);
  if (const char* given = std::getenv("TROUPE_MODEL_REPLAY")) {
    outcome again = the_engine().replay(program, within, given);
    std::fputs(again.trace.c_str(), stdout);
    return again;
  }
  return the_engine().search(program, within);
}

void together(std::initializer_list<part> parts) { the_engine().together(parts); }

void check(bool holds, const char* what) {
  if (!holds) the_engine().fail(what);
}

void expect_ordered(const void* block, std::size_t bytes) { the_engine().variables().expect_ordered(block, bytes); }

void keep_word_for_each_thread(void* address) { the_engine().keep_word(address); }

}  // namespace troupe::model

namespace troupe::detail {

// Without magazines every call comes to the functions below.
constinit thread_local pool_cache pool_tls{};

void* pool_allocate_slow(std::size_t bytes) {
  model::engine& e = model::the_engine();
  return e.runs() ? e.allocate(bytes) : ::operator new(bytes);
}

void pool_free_slow(void* block, std::size_t bytes) noexcept {
  model::engine& e = model::the_engine();
  if (e.runs())
    e.free(block, bytes);
  else
    ::operator delete(block);
}

}  // namespace troupe::detail

namespace troupe {
// An execution gives all back at its end.
void pool_trim() noexcept {}
pool_statistics pool_stats() noexcept { return {}; }
}  // namespace troupe
