#include "sched/cores.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "sched/inbox.hpp"
#include "sched/wakeups.hpp"

namespace sched {

namespace {

/// How long an executor without work looks for some before it sleeps: about as long as cores wait for each other at the
/// end of a step of a small model. To wake a sleeping one takes 30 to 100 us, several times in each step's end, and
/// more where processors are virtual ones.
constexpr std::chrono::milliseconds looking_time{5};
/// Between two looks, so that the other hardware thread of the processor has it to itself meanwhile: a microsecond.
constexpr int pauses_max = 32;

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// context.run() with what others put into the inbox, but looking on for a while before each sleep.
void run(asio::io_context& context, Inbox& inbox) {
  for (;;) {
    if (inbox.any()) inbox.post();
    if (context.poll_one() > 0) continue;
    if (context.stopped()) return;
    const auto until = std::chrono::steady_clock::now() + looking_time;
    bool found = false;
    for (int pauses = 1; !found && !context.stopped() && std::chrono::steady_clock::now() < until;
         pauses = std::min(2 * pauses, pauses_max)) {
      std::this_thread::yield();  // whoever else wants this core
      for (int i = 0; i < pauses && !inbox.any(); ++i) pause();
      found = inbox.any() || context.poll_one() > 0;
    }
    if (!found) inbox.sleep();
  }
}

}  // namespace

struct alignas(64) Cores::Core {
  asio::io_context context{1};  // one thread: Asio leaves out its own locking between handlers where it can
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  Inbox inbox{context};
  std::thread thread;
  alignas(64) std::atomic<std::uint64_t> wakeups{0};
};

void pin_this_thread(const std::vector<CoreNumber>& numbers) {
  if (numbers.empty()) return;
  const CoreNumber count = *std::max_element(numbers.begin(), numbers.end()) + 1;
  cpu_set_t* const set = CPU_ALLOC(count);
  if (set == nullptr) return;
  const std::size_t bytes = CPU_ALLOC_SIZE(count);
  CPU_ZERO_S(bytes, set);
  for (const CoreNumber number : numbers) CPU_SET_S(number, bytes, set);
  // A core that was taken from the process meanwhile only costs speed: the thread then runs where it may.
  pthread_setaffinity_np(pthread_self(), bytes, set);
  CPU_FREE(set);
}

ThreadPin::ThreadPin(const std::vector<CoreNumber>& numbers) {
  if (!numbers.empty()) before_ = allowed_cores();
  pin_this_thread(numbers);
}

ThreadPin::~ThreadPin() {
  pin_this_thread(before_);
}

Cores::Cores(const std::vector<CoreNumber>& numbers, const std::function<void()>& on_start, bool pinned) {
  for (std::size_t index = 0; index < numbers.size(); ++index) {
    auto core = std::make_unique<Core>();
    core->thread = std::thread([&core = *core, number = numbers[index], index, on_start, pinned] {
      pthread_setname_np(pthread_self(), ("icosa-core-" + std::to_string(index)).c_str());
      if (pinned) pin_this_thread({number});
      wakeups_here = &core.wakeups;
      inbox_here = &core.inbox;
      on_start();
      run(core.context, core.inbox);
    });
    cores_.push_back(std::move(core));
  }
}

Cores::~Cores() {
  join();
}

void Cores::join() noexcept {
  for (auto& core : cores_) core->work.reset();
  for (auto& core : cores_)
    if (core->thread.joinable()) core->thread.join();
}

std::size_t Cores::count() const noexcept {
  return cores_.size();
}

std::uint64_t Cores::wakeups_count() const noexcept {
  std::uint64_t count = 0;
  for (const auto& core : cores_) count += core->wakeups.load(std::memory_order_relaxed);
  return count;
}

Inbox& Cores::inbox_of(CoreIndex core) const noexcept {
  return cores_[core]->inbox;
}

asio::any_io_executor Cores::of(CoreIndex core) const noexcept {
  return cores_[core]->context.get_executor();
}

}  // namespace sched
