// What a worker costs beside its computation: one step after the other of the real workers, boundaries and sums, with a
// model so small that the computing is nearly nothing. Prints a line for each number of workers and kind of memory:
//
//   workers 144 lean: 1.21 us per worker and step (median of 45, half of them 1.19-1.30), 1.03 KiB per idle worker, ...
//
// `sched.py` runs it, and the whole program beside it.

#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "compute/cpu.hpp"
#include "pipeline/context_switches.hpp"
#include "sched/scope.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

using pipeline::GradientMemory;

constexpr std::uint64_t warm_steps = 3;

struct Bench : tests::TinyRun {
  using TinyRun::TinyRun;
  std::uint64_t began_ns = 0, ended_ns = 0;
  std::uint64_t processor_ns = 0;  // of all threads, meanwhile: what other programs take is not in it
  pipeline::ContextSwitches switches;
  std::uint64_t wakeups = 0;
  std::size_t heap_bytes = 0;  // of the waiting workers
};

std::uint64_t processor_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

/// The processor time of one micro-batch's computing, measured alone on as many threads at once as the workers have
/// cores. Taken off a run's, it leaves the rest: what the workers' own clocks say would count other programs' turns on
/// the processor.
double computing_us(std::size_t threads_count) {
  constexpr int rounds = 3'000;
  const auto& shape = tests::tiny_shape;
  const auto compute_alone = [&shape] {
    compute::set_floating_point_mode();
    pipeline::FloatArena weights(compute::gpt2_floats(shape)), gradient(compute::gpt2_floats(shape)),
        workspace(compute::gpt2_workspace_floats(shape, 1, 1));
    const pipeline::MicroBatch batch = tests::tiny_batch(1, 0, 1);
    const compute::TokenRows rows = pipeline::token_rows(batch);
    for (int round = 0; round < rounds; ++round)
      compute::gpt2_gradient(gradient.span(), shape, weights.span(), rows, workspace.span());
  };
  const std::uint64_t began_ns = processor_now_ns();
  std::vector<std::jthread> threads;
  for (std::size_t thread = 0; thread < threads_count; ++thread) threads.emplace_back(compute_alone);
  threads.clear();
  return static_cast<double>(processor_now_ns() - began_ns) * 1e-3 / (rounds * static_cast<double>(threads_count));
}

/// The control without the update.
sched::task<void> control(Bench& bench) {
  for (std::uint64_t step = 1; step <= bench.steps_count; ++step) {
    if (step == warm_steps + 1) {
      bench.began_ns = pipeline::now_ns();
      bench.processor_ns = processor_now_ns();
      bench.switches = pipeline::context_switches();
      bench.wakeups = bench.run.cores.wakeups_count();
    }
    tests::open_step(bench.run, step);
    co_await tests::end_step(bench.run);
  }
  bench.ended_ns = pipeline::now_ns();
  bench.processor_ns = processor_now_ns() - bench.processor_ns;
  bench.switches = pipeline::context_switches() - bench.switches;
  bench.wakeups = bench.run.cores.wakeups_count() - bench.wakeups;
}

sched::task<void> run_all(Bench& bench) {
  sched::Cores& cores = bench.run.cores;
  const std::size_t before_bytes = mallinfo2().uordblks;
  sched::Scope scope(cores.control());
  co_await scope.open();
  for (std::size_t worker = 0; worker < bench.workers_count; ++worker)
    scope.spawn(cores.of(worker % cores.count()), work(bench.run, worker));
  // All have begun to wait when their cores have nothing left to run.
  for (int round = 0; round < 3; ++round)
    for (sched::CoreIndex core = 0; core < cores.count(); ++core)
      co_await asio::post(cores.of(core), asio::use_awaitable);
  bench.heap_bytes = mallinfo2().uordblks - before_bytes;
  scope.spawn(cores.of(0), feed(bench));
  scope.spawn(cores.control(), control(bench));
  co_await scope.join();
}

struct Result {
  double worker_us, elapsed_us, heap_bytes, crossings, wakeups, voluntary, involuntary;
};

Result measure(std::size_t workers, GradientMemory memory, std::size_t cores_count, double computing) {
  const std::vector<sched::CoreNumber> allowed = sched::allowed_cores();
  sched::Cores cores({allowed.begin(), allowed.begin() + static_cast<std::ptrdiff_t>(cores_count)},
                     &compute::set_floating_point_mode);
  const std::uint64_t steps = warm_steps + std::max<std::uint64_t>(5, 6'000 / workers);
  Bench bench(workers, memory, steps, cores);
  std::promise<void> done;
  asio::co_spawn(cores.control(), run_all(bench), [&](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
    done.set_value();
  });
  done.get_future().get();
  cores.join();
  const auto counted = static_cast<double>(steps - warm_steps);
  double crossings = 0;
  for (const auto& state : bench.run.core_states) crossings += static_cast<double>(state.times.boundary_crossings());
  const double worker_steps = counted * static_cast<double>(workers);
  return {static_cast<double>(bench.processor_ns) * 1e-3 / worker_steps - computing,
          static_cast<double>(bench.ended_ns - bench.began_ns) * 1e-3 / worker_steps,
          static_cast<double>(bench.heap_bytes) / static_cast<double>(workers),
          crossings / static_cast<double>(steps),
          static_cast<double>(bench.wakeups) / counted,
          static_cast<double>(bench.switches.voluntary) / counted,
          static_cast<double>(bench.switches.involuntary) / counted};
}

}  // namespace

int main(int argument_count, char** arguments) {
  // Many and short, each beside its own measure of the computing: machines that others use change within seconds.
  const std::size_t rounds = argument_count > 1 ? std::stoul(arguments[1]) : 45;
  for (const std::size_t cores : {std::size_t{1}, sched::allowed_cores().size()})
    for (const std::size_t workers : {12u, 144u, 1728u})
      for (const GradientMemory memory : {GradientMemory::lean, GradientMemory::fast}) {
        std::vector<Result> results;
        for (std::size_t round = 0; round < rounds; ++round)
          results.push_back(measure(workers, memory, cores, computing_us(cores)));
        std::sort(results.begin(), results.end(),
                  [](const Result& a, const Result& b) { return a.worker_us < b.worker_us; });
        const Result& median = results[rounds / 2];
        fmt::print(
            "cores {} workers {} {}: {:.2f} us of processor time per worker and step beside computing "
            "(median "
            "of {}, half of them {:.2f}-{:.2f}), {:.2f} us elapsed in all; {:.0f} bytes per idle worker; a step has "
            "{:.0f} boundary "
            "crossings, {:.1f} wake-ups by other threads, {:.1f} voluntary "
            "and {:.1f} involuntary context switches\n",
            cores, workers, gradient_memory_name(memory), median.worker_us, rounds, results[rounds / 4].worker_us,
            results[rounds - 1 - rounds / 4].worker_us, median.elapsed_us, median.heap_bytes, median.crossings,
            median.wakeups, median.voluntary, median.involuntary);
      }
}
