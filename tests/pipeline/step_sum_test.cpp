// The sum of a step, driven by hand: cores are coroutines on one thread, and the test decides who finishes when. So
// every order of completion can be had, on any number of cores, without a clock.

#include "pipeline/step_sum.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "pipeline/batch_order.hpp"
#include "pipeline/ingest_position.hpp"
#include "sched/boundary.hpp"
#include "sched/channel.hpp"
#include "sched/scope.hpp"
#include "sched/turn.hpp"

namespace {

using pipeline::Gradient;
using pipeline::GradientMemory;
using pipeline::GradientRow;

/// A core: what it does while the test has not let it finish.
struct Core {
  sched::Turn turn;
  sched::Boundary<Core> finished;
  bool computing = false;
  std::size_t begun_as = 0;  // how many had begun by then
};

struct Step {
  Step(std::size_t leaves, std::size_t present, std::size_t cores_count, GradientMemory memory, bool adds_ = true)
      : adds(adds_),
        present_count(present),
        values(pipeline::gradient_buffers_count(memory, leaves, cores_count)),
        buffers(values.size()),
        pool(pointers(), cores_count),
        sum(leaves, memory, pool),
        indices(leaves + 1),
        cores(cores_count) {
    const std::size_t runs = memory == GradientMemory::lean ? cores_count : 1;
    pipeline::for_each_in_runs(present, runs, [this](std::size_t index) { order.push_back(index); });
  }

  std::vector<Gradient*> pointers() {
    std::vector<Gradient*> list;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      buffers[i].values = std::span(&values[i], 1);
      list.push_back(&buffers[i]);
    }
    return list;
  }

  asio::io_context context;
  const bool adds;              // where one waits, to that while it is computed
  std::size_t added_count = 0;  // so
  std::size_t present_count;
  std::vector<float> values;
  std::vector<Gradient> buffers;
  sched::Pool<Gradient> pool;
  pipeline::StepSum sum;
  sched::Channel<std::size_t> indices;
  std::vector<std::size_t> order;  // in which they are sent
  std::vector<Core> cores;
  std::size_t begun_count = 0;
  std::optional<float> result;
};

/// Floats whose sum shows how it was associated.
float leaf_value(std::size_t index) {
  return std::ldexp(1.0f + static_cast<float>(index % 37) * 0.113f, static_cast<int>(index * 7 % 23));
}

/// As pipeline/worker.cpp, with `finished` in place of the computation.
sched::task<void> work(Step& step, std::size_t core_index) {
  Core& core = step.cores[core_index];
  for (;;) {
    const sched::Turn::Lease turn = co_await core.turn.take();
    Gradient* const gradient = co_await step.pool.take(core_index);
    const std::optional<std::size_t> index = co_await step.indices.receive();
    if (!index) {
      step.pool.give_back(gradient);
      co_return;
    }
    BOOST_REQUIRE_EQUAL(*index, step.order[step.begun_count++]);
    core.begun_as = step.begun_count;
    Gradient* const waiting = step.adds ? step.sum.take_waiting(*index) : nullptr;
    if (waiting != nullptr) step.pool.give_back(gradient);
    core.computing = true;
    co_await core.finished.receive();
    core.computing = false;
    const compute::Into into = waiting != nullptr ? compute::Into::added : compute::Into::replaced;
    Gradient* const target = waiting != nullptr ? waiting : gradient;
    if (into == compute::Into::replaced) target->values[0] = target->nats = target->targets_count = 0;
    step.added_count += into == compute::Into::added ? 1 : 0;
    target->values[0] += leaf_value(*index);
    target->nats += leaf_value(*index);
    target->targets_count += 1;
    const GradientRow* const row = step.sum.arrive(*index, step.present_count, target, into);
    if (row == nullptr) continue;
    Gradient* const whole = sched::fold(*row, [](Gradient* a, Gradient* b) { return pipeline::add(a, b); });
    BOOST_TEST(whole->targets_count == step.present_count);
    step.result = whole->values[0];
    for (Gradient* const buffer : row->span()) step.pool.give_back(buffer);
  }
}

sched::task<void> work_all(Step& step) {
  sched::Scope scope(step.context.get_executor());
  co_await scope.open();
  for (std::size_t worker = 0; worker < step.sum.leaves_count(); ++worker)
    scope.spawn(step.context.get_executor(), work(step, worker % step.cores.size()));
  co_await scope.join();
}

/// Runs a step in which next(computing) says who of them finishes. After every event no core stands idle while an index
/// is free, and a buffer, or even if none is.
enum class Idle { without_buffer, never };
template <class Next>
float run_in_order(Step& step, Idle idle, const Next& next_of) {
  for (std::size_t index : step.order) BOOST_REQUIRE(step.indices.try_send(index));
  step.indices.finish();
  bool ended = false;
  asio::co_spawn(step.context, work_all(step), [&](std::exception_ptr failure) {
    ended = true;
    if (failure) std::rethrow_exception(failure);
  });
  for (;;) {
    step.context.restart();
    step.context.poll();
    std::vector<Core*> computing;
    for (Core& core : step.cores)
      if (core.computing) computing.push_back(&core);
    const bool index_free = step.begun_count < step.present_count;
    Gradient* const free_buffer = step.pool.try_take(0);
    if (free_buffer != nullptr) step.pool.give_back(free_buffer);
    if (index_free && (free_buffer != nullptr || idle == Idle::never))
      BOOST_REQUIRE_EQUAL(computing.size(), step.cores.size());
    if (computing.empty()) break;
    Core* const next = next_of(computing);
    next->computing = false;
    next->finished.hand_over(next);
  }
  BOOST_REQUIRE(ended);  // nobody waits for a buffer for ever
  BOOST_REQUIRE(step.result.has_value());
  return *step.result;
}

/// `random` draws who finishes next.
float run(Step& step, std::mt19937& random) {
  // A few cores are slow for the whole step: those that a careless order of work would wait for.
  const std::size_t slow_cores = random() % 3;
  return run_in_order(step, Idle::without_buffer, [&](const std::vector<Core*>& computing) {
    const std::size_t quick = std::max<std::size_t>(computing.size(), slow_cores + 1) - slow_cores;
    const std::size_t spread = random() % 16 == 0 ? computing.size() : std::min(quick, computing.size());
    return computing[computing.size() - 1 - random() % spread];
  });
}

/// Who began first finishes first.
float run_in_step(Step& step) {
  return run_in_order(step, Idle::never, [](const std::vector<Core*>& computing) {
    return *std::min_element(computing.begin(), computing.end(),
                             [](const Core* a, const Core* b) { return a->begun_as < b->begun_as; });
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(step_sum)

BOOST_DATA_TEST_CASE(no_core_is_idle_while_an_index_and_a_buffer_are_free,
                     boost::unit_test::data::make({1, 2, 3, 5, 12, 64}), cores) {
  std::mt19937 random(static_cast<unsigned>(cores));
  for (const std::size_t leaves : {1u, 2u, 12u, 14u, 144u, 150u}) {
    std::set<float> results;
    for (int round = 0; round < 10; ++round)
      for (const GradientMemory memory : {GradientMemory::lean, GradientMemory::fast})
        for (const bool adds : {true, false}) {
          Step step(leaves, leaves, static_cast<std::size_t>(cores), memory, adds);
          results.insert(run(step, random));
          BOOST_TEST(step.pool.taken_count_max() <= step.pool.size());
        }
    BOOST_TEST(results.size() == 1u);  // whoever was late
  }
}

BOOST_DATA_TEST_CASE(cores_in_step_never_wait_for_a_buffer, boost::unit_test::data::make({1, 2, 3, 4, 5, 7, 12, 64}),
                     cores) {
  for (const std::size_t leaves : {12u, 14u, 24u, 144u, 150u, 1728u}) {
    Step lean(leaves, leaves, static_cast<std::size_t>(cores), GradientMemory::lean);
    Step apart(leaves, leaves, static_cast<std::size_t>(cores), GradientMemory::lean, false);
    Step fast(leaves, leaves, static_cast<std::size_t>(cores), GradientMemory::fast);
    const float expected = run_in_step(fast);
    BOOST_TEST(run_in_step(lean) == expected);
    BOOST_TEST(run_in_step(apart) == expected);
    // A core in step finds the gradient that its own is added to wherever it has neighbours one after the other.
    if (cores <= 3 && leaves % 12 == 0) BOOST_TEST(lean.added_count == leaves / 2);
    BOOST_TEST(apart.added_count == 0u);
    BOOST_TEST(fast.added_count == 0u);
  }
}

BOOST_AUTO_TEST_CASE(cores_in_step_get_a_run_of_neighbours_each) {
  const auto order = [](std::size_t count, std::size_t runs) {
    std::vector<std::size_t> indices;
    pipeline::for_each_in_runs(count, runs, [&](std::size_t index) { indices.push_back(index); });
    return indices;
  };
  using Indices = std::vector<std::size_t>;
  const Indices by_index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
  BOOST_TEST(order(14, 1) == by_index, boost::test_tools::per_element());
  BOOST_TEST(order(14, 2) == Indices({0, 4, 1, 5, 2, 6, 3, 7, 8, 10, 9, 11, 12, 13}), boost::test_tools::per_element());
  BOOST_TEST(order(14, 3) == Indices({0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11, 12, 13}), boost::test_tools::per_element());
  BOOST_TEST(order(14, 4) == Indices({0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 9, 11, 13}), boost::test_tools::per_element());
  BOOST_TEST(order(14, 5) == by_index, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_thousand_workers_of_three_levels_need_few_buffers) {
  std::mt19937 random(5);
  Step lean(1728, 1728, 16, GradientMemory::lean);
  BOOST_TEST(lean.pool.size() == 16u + 12u + 1u);
  Step fast(1728, 1728, 16, GradientMemory::fast);
  BOOST_TEST(fast.pool.size() == 16u + 11u * 4u);
  BOOST_TEST(run(lean, random) == run(fast, random));
}

BOOST_AUTO_TEST_CASE(a_partial_last_step_has_one_sum_too) {
  std::mt19937 random(7);
  for (const std::size_t present : {1u, 5u, 12u, 13u, 100u}) {
    Step lean(144, present, 3, GradientMemory::lean);
    Step fast(144, present, 3, GradientMemory::fast);
    BOOST_TEST(run(lean, random) == run(fast, random));
  }
}

BOOST_AUTO_TEST_SUITE_END()
