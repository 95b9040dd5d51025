// What allocates: this program has an operator new of its own, which counts what executors ask of it. From the taking
// of a turn and a buffer to the hand-over of a gradient, waiting and waking included, they ask for nothing. Whatever
// Asio keeps for the next time does not come by here.

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>

#include "compute/cpu.hpp"
#include "sched/scope.hpp"
#include "tests/support/run_on_cores.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

thread_local bool is_executor = false;
std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations_count{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (is_executor && counting.load(std::memory_order_relaxed)) ++allocations_count;
  void* const memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes == 0 ? 1 : bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace {

using pipeline::GradientMemory;
using tests::TinyRun;

constexpr std::uint64_t warm_steps = 20;
constexpr std::uint64_t counted_steps = 300;

/// On a thread of its own, which may allocate as it likes.
sched::task<void> control(TinyRun& tiny) {
  for (std::uint64_t step = 1; step <= tiny.steps_count; ++step) {
    if (step == warm_steps + 1) counting = true;
    tests::open_step(tiny.run, step);
    co_await tests::end_step(tiny.run);
  }
  counting = false;
}

sched::task<void> run_all(TinyRun& tiny, asio::any_io_executor apart) {
  sched::Scope scope(apart);
  co_await scope.open();
  for (std::size_t worker = 0; worker < tiny.workers_count; ++worker)
    scope.spawn(tiny.run.cores.of(worker % tiny.run.cores.count()), work(tiny.run, worker));
  scope.spawn(apart, feed(tiny));
  scope.spawn(apart, control(tiny));
  co_await scope.join();
}

std::uint64_t allocations_of(std::size_t workers_count, std::size_t cores_count, GradientMemory memory) {
  sched::Cores cores(tests::some_cores(cores_count), [] {
    compute::set_floating_point_mode();
    is_executor = true;
  });
  TinyRun tiny(workers_count, memory, warm_steps + counted_steps, cores);
  allocations_count = 0;
  asio::io_context apart;
  asio::co_spawn(apart, run_all(tiny, apart.get_executor()), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  apart.run();
  cores.join();
  return allocations_count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(allocations)

BOOST_DATA_TEST_CASE(a_micro_batch_on_its_way_from_buffer_to_boundary_allocates_nothing,
                     boost::unit_test::data::make({1, 5, 12, 144}) * boost::unit_test::data::make({1, 2, 3}), workers,
                     cores) {
  for (const GradientMemory memory : {GradientMemory::lean, GradientMemory::fast})
    BOOST_TEST(allocations_of(static_cast<std::size_t>(workers), static_cast<std::size_t>(cores), memory) == 0u);
}

BOOST_AUTO_TEST_CASE(what_executors_allocate_is_seen) {
  sched::Cores cores(tests::some_cores(1), [] { is_executor = true; });
  allocations_count = 0;
  counting = true;
  asio::post(cores.of(0), [] { std::vector<int>(1000).front() = 1; });
  cores.join();
  counting = false;
  BOOST_TEST(allocations_count.load() >= 1u);
}

BOOST_AUTO_TEST_SUITE_END()
