#include "pipeline/worker.hpp"

#include <optional>
#include <utility>

#include "pipeline/clock.hpp"

namespace pipeline {
namespace {

/// Adds the time since `since_ns` to a counter that only this core writes.
void add_time(std::atomic<std::uint64_t>& counter, std::uint64_t since_ns) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + now_ns() - since_ns, std::memory_order_relaxed);
}

void compute_gradient(Run& run, sched::CoreIndex core, const MicroBatch& batch, Gradient& gradient) {
  CoreState& state = run.core_states[core];
  if (run.hooks.before_compute) run.hooks.before_compute(run, core, batch, gradient);
  const std::uint64_t began_ns = now_ns();
  const compute::TokenRows rows = token_rows(batch);
  compute::Objective objective = run.objective;
  objective.dropout.step = static_cast<std::uint32_t>(batch.step);
  objective.dropout.micro_batch = static_cast<std::uint32_t>(batch.index);
  const compute::LossSum loss = compute::gpt2_gradient(gradient.values, run.model.shape, run.model.weights.span(), rows,
                                                       state.workspace.span(), objective, run.activations);
  gradient.nats = loss.nats;
  gradient.targets_count = loss.targets_count;
  gradient.documents_count = batch.documents_count;
  gradient.last_step = batch.last_step;
  gradient.position = batch.position;
  gradient.books = batch.books;
  add_time(state.times.compute_ns, began_ns);
  if (run.hooks.after_compute) run.hooks.after_compute(run, core, batch, gradient);
}

/// The gradient crosses the boundary of its sphere. Whoever completes spheres adds, and hands the step to the control.
void hand_over(Run& run, const MicroBatch& batch, Gradient* gradient) {
  const GradientRow* const row = run.sum.arrive(batch.index, batch.step_batches_count, gradient);
  if (row != nullptr) run.boundary.hand_over(row);
}

}  // namespace

sched::task<void> work(Run& run, std::size_t worker) {
  const sched::CoreIndex core = worker % run.cores.count();
  CoreState& state = run.core_states[core];
  for (;;) {
    const sched::Turn::Lease turn = co_await state.turn.take();
    Gradient* const gradient = co_await run.gradients.take(core);
    std::uint64_t since_ns = now_ns();
    const std::optional<MicroBatch> batch = co_await run.batches.receive();
    add_time(state.times.data_wait_ns, since_ns);
    if (!batch) {
      run.gradients.give_back(gradient);
      co_return;
    }
    since_ns = now_ns();
    co_await state.gate.wait(batch->step);
    add_time(state.times.boundary_wait_ns, since_ns);
    compute_gradient(run, core, *batch, *gradient);
    hand_over(run, *batch, gradient);
  }
}

}  // namespace pipeline
