#pragma once

// The real workers, boundaries and sums of a run without ingest and without an update, with a model so small that the
// computing is nearly nothing: what is left is what workers cost.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "pipeline/accounting.hpp"
#include "pipeline/ingest_position.hpp"
#include "pipeline/session.hpp"
#include "pipeline/worker.hpp"

namespace tests {

constexpr compute::Gpt2Shape tiny_shape{1, 1, 16, 16, 1};

/// A row of one token.
inline pipeline::MicroBatch tiny_batch(std::uint64_t step, std::size_t index, std::size_t step_batches_count) {
  pipeline::MicroBatch batch(step, index);
  batch.step_batches_count = step_batches_count;
  batch.rows_count = batch.seq_len = batch.targets_count = 1;
  batch.ids = {1, 2};
  return batch;
}

/// A step is one micro-batch for each worker.
struct TinyRun {
  TinyRun(std::size_t workers_count_, pipeline::GradientMemory memory, std::uint64_t steps_count_, sched::Cores& cores)
      : workers_count(workers_count_),
        steps_count(steps_count_),
        buffers(pipeline::gradient_buffers_count(memory, workers_count, cores.count()),
                compute::gpt2_floats(tiny_shape)),
        run(cores,
            pipeline::Model{tiny_shape,
                            compute::gpt2_tensors(tiny_shape),
                            pipeline::FloatArena(compute::gpt2_floats(tiny_shape)),
                            {},
                            {}},
            workers_count, workers_count, memory, workers_count + cores.count(), buffers.pointers(),
            compute::gpt2_workspace_floats(tiny_shape, 1, 1)) {}

  std::size_t workers_count;
  std::uint64_t steps_count;
  pipeline::GradientBuffers buffers;
  pipeline::Run run;
};

/// In the place of ingest.
inline sched::task<void> feed(TinyRun& tiny) {
  for (std::uint64_t step = 1; step <= tiny.steps_count; ++step)
    for (std::size_t index = 0; index < tiny.workers_count; ++index) {
      pipeline::MicroBatch batch = tiny_batch(step, index, tiny.workers_count);
      if (index == 0) batch.books = std::make_shared<pipeline::Accounting>();
      co_await tiny.run.batches.send(std::move(batch));
    }
  tiny.run.batches.finish();
}

/// Lets the workers begin a step.
inline void open_step(pipeline::Run& run, std::uint64_t step) {
  for (pipeline::CoreState& state : run.core_states) state.gate.open(step);
}

/// Awaits the step's gradient and gives its buffers back.
inline sched::task<void> end_step(pipeline::Run& run) {
  const pipeline::GradientRow* const row = co_await run.boundary.receive();
  for (pipeline::Gradient* const gradient : row->span()) run.gradients.give_back(gradient);
}

}  // namespace tests
