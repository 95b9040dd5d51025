#include "pipeline/worker.hpp"

#include <optional>
#include <utility>

#include "pipeline/clock.hpp"
#include "sched/trace.hpp"

namespace pipeline {
namespace {

/// What a micro-batch counts, to where its gradient went.
void count(Gradient& gradient, compute::Into into, const MicroBatch& batch, const compute::LossSum& loss) {
  if (into == compute::Into::replaced) clear_counts(gradient);
  gradient.nats += loss.nats;
  gradient.targets_count += loss.targets_count;
  gradient.documents_count += batch.documents_count;
  gradient.last_step = gradient.last_step || batch.last_step;
  if (batch.position == nullptr) return;
  gradient.position = batch.position;
  gradient.books = batch.books;
}

void compute_gradient(Run& run, sched::CoreIndex core, const MicroBatch& batch, Gradient& gradient,
                      compute::Into into) {
  CoreState& state = run.core_states[core];
  if (run.hooks.before_compute) run.hooks.before_compute(run, core, batch, gradient);
  const std::uint64_t began_ns = now_ns();
  std::uint64_t backward_ns = began_ns;
  compute::TokenRows rows = token_rows(batch);
  rows.between_passes = {[](void* at_ns) noexcept { *static_cast<std::uint64_t*>(at_ns) = now_ns(); }, &backward_ns};
  compute::Objective objective = run.objective;
  objective.dropout.step = static_cast<std::uint32_t>(batch.step);
  objective.dropout.micro_batch = static_cast<std::uint32_t>(batch.index);
  const compute::LossSum loss =
      compute::gpt2_gradient(gradient.values, run.model.shape, run.model.weights.span(), rows, state.workspace.span(),
                             objective, run.activations, run.model.packed.span(), into);
  count(gradient, into, batch, loss);
  const std::uint64_t ended_ns = now_ns();
  state.times.add(Spent::compute, ended_ns - began_ns);
  sched::trace_span("forward", began_ns, backward_ns);
  sched::trace_span("backward", backward_ns, ended_ns);
  if (run.hooks.after_compute) run.hooks.after_compute(run, core, batch, gradient);
}

/// Whether its gradient can be added to another while it is computed.
bool adds(const MicroBatch& batch) noexcept {
  return compute::gpt2_gradient_adds(batch.rows_count * batch.seq_len);
}

/// The gradient crosses the boundary of its sphere. Whoever completes spheres adds, and hands the step to the control.
void hand_over(Run& run, sched::CoreIndex core, const MicroBatch& batch, Gradient* gradient, compute::Into into) {
  CoreTimes& times = run.core_states[core].times;
  const std::uint64_t began_ns = now_ns();
  const GradientRow* const row = run.sum.arrive(batch.index, batch.step_batches_count, gradient, into);
  const std::uint64_t ended_ns = now_ns();
  times.add(Spent::sum, ended_ns - began_ns);
  times.add_boundary_crossing();
  sched::trace_span("sum", began_ns, ended_ns);
  if (row != nullptr) run.boundary.hand_over(row);
}

}  // namespace

sched::task<void> work(Run& run, std::size_t worker) {
  const sched::CoreIndex core = worker % run.cores.count();
  CoreState& state = run.core_states[core];
  for (;;) {
    sched::Turn::Taking turn_taking(state.turn);
    co_await turn_taking.wait();
    const sched::Turn::Lease turn = turn_taking.result();
    const WaitClock buffer_wait(state.times, run.pauses);
    sched::Pool<Gradient>::Taking buffer_taking(run.gradients, core);
    co_await buffer_taking.wait();
    Gradient* gradient = buffer_taking.result();
    buffer_wait.end(Spent::buffer_wait, "buffer");
    const WaitClock data_wait(state.times, run.pauses);
    BatchChannel::Receiving receiving(run.batches);
    co_await receiving.wait();
    const std::optional<MicroBatch>& batch = receiving.result();
    data_wait.end(Spent::data_wait, "data");
    if (!batch) {
      run.gradients.give_back(gradient);
      co_return;
    }
    if (sched::is_traced()) sched::trace_counter("batches waiting", run.batches.size());
    const WaitClock boundary_wait(state.times, run.pauses);
    sched::Gate::Passing passing(state.gate, batch->step);
    co_await passing.wait();
    passing.result();
    boundary_wait.end(Spent::boundary_wait, "weights");
    compute::Into into = compute::Into::replaced;
    Gradient* const waiting = adds(*batch) ? run.sum.take_waiting(batch->index) : nullptr;
    if (waiting != nullptr) {
      run.gradients.give_back(gradient);
      gradient = waiting;
      into = compute::Into::added;
    }
    compute_gradient(run, core, *batch, *gradient, into);
    hand_over(run, core, *batch, gradient, into);
  }
}

}  // namespace pipeline
