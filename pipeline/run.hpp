#pragma once

// What the coroutines of a run share, and who may touch it when (docs/architecture.md):
//   model.weights      read by workers while a step computes; written by the update, between steps
//   model.packed       the same
//   model.moments      the update only
//   gradients          whoever holds the pointer: a worker, then the control
//   core_states[i]     the executor of core i; between steps the control, through coroutines it spawns there
//   batches            anyone: the channel

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "compute/gpt2.hpp"
#include "pipeline/core_times.hpp"
#include "pipeline/gradient.hpp"
#include "pipeline/ingest.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/step_sum.hpp"
#include "sched/boundary.hpp"
#include "sched/cores.hpp"
#include "sched/gate.hpp"
#include "sched/pool.hpp"
#include "sched/turn.hpp"

namespace pipeline {

/// A model being trained: one flat array each for the weights and the two moments.
struct Model {
  compute::Gpt2Shape shape{};
  std::vector<compute::Tensor> tensors;
  FloatArena weights;
  FloatArena moment1;
  FloatArena moment2;
  FloatArena packed{};  ///< the weights packed for products; empty where memory is short
};

struct alignas(64) CoreState {
  sched::Turn turn;
  sched::Gate gate;
  FloatArena workspace;
  CoreTimes times;
};

struct Run;

/// Where tests look in and interfere; empty in a real run. Called on the executor of `core`, or of the control.
struct RunHooks {
  std::function<void(const Run& run, sched::CoreIndex core, const MicroBatch& batch, const Gradient& gradient)>
      before_compute;
  std::function<void(const Run& run, sched::CoreIndex core, const MicroBatch& batch, const Gradient& gradient)>
      after_compute;
  std::function<void(const Run& run, std::uint64_t step)> after_update;
};

/// The shared part of a run's training side.
struct Run {
  Run(sched::Cores& cores_, Model model_, std::size_t workers_count_, std::size_t step_batches_count,
      GradientMemory gradient_memory, std::size_t batches_capacity, std::vector<Gradient*> gradient_buffers,
      std::size_t workspace_floats)
      : cores(cores_),
        model(std::move(model_)),
        workers_count(workers_count_),
        batches(batches_capacity),
        gradients(std::move(gradient_buffers), cores_.count()),
        sum(step_batches_count, gradient_memory, gradients),
        core_states(cores_.count()) {
    for (CoreState& state : core_states) state.workspace = FloatArena(workspace_floats);
  }

  sched::Cores& cores;
  Model model;
  std::size_t workers_count;
  // A line of its own for each of those that several cores write to.
  alignas(64) BatchChannel batches;
  alignas(64) sched::Pool<Gradient> gradients;
  alignas(64) StepSum sum;                                  ///< the spheres' side of the boundary
  alignas(64) sched::Boundary<const GradientRow> boundary;  ///< where a step's gradient reaches the control
  alignas(64) std::vector<CoreState> core_states;
  compute::Objective objective;  ///< of every micro-batch, but for dropout's step and index
  compute::Activations activations = compute::Activations::kept;
  alignas(64) PauseClock pauses;
  RunHooks hooks;
};

}  // namespace pipeline
