// `icosa bench step`: a micro-batch of one worker and the update, operation by operation, each beside its bounds by
// arithmetic and by memory, which are measured in the same run. All by the time of the thread.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "compute/adamw.hpp"
#include "compute/cpu.hpp"
#include "compute/gpt2.hpp"
#include "compute/machine.hpp"
#include "compute/profile.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/model_choice.hpp"
#include "pipeline/presets.hpp"
#include "pipeline/update.hpp"

namespace pipeline {
namespace {

using compute::OperationTimes;

/// What one core of this machine gives at most.
struct Yardsticks {
  double flops_per_second;
  double bytes_per_second;
};

double seconds_of(const std::function<void()>& work) {
  const std::uint64_t began_ns = compute::thread_ns();
  work();
  return seconds(compute::thread_ns() - began_ns);
}

/// The best of several: what disturbs a yardstick only ever shortens it.
double measure_peak() {
  double best = 0;
  for (int i = 0; i < 8; ++i) {
    double flops = 0;
    const double spent = seconds_of([&flops] { flops = compute::run_multiply_adds(200'000); });
    best = std::max(best, flops / spent);
  }
  return best;
}

double measure_bandwidth() {
  constexpr std::size_t count = 24u << 20;  // 96 MiB each: beyond any cache of a core
  FloatArena out(count), a(count), b(count);
  std::fill(a.span().begin(), a.span().end(), 1.0f);
  std::fill(b.span().begin(), b.span().end(), 2.0f);
  std::fill(out.span().begin(), out.span().end(), 0.0f);
  double best = 0;
  for (int i = 0; i < 4; ++i) {
    const double spent = seconds_of([&] { compute::add(out.span(), a.span(), b.span()); });
    best = std::max(best, static_cast<double>(count) * compute::bandwidth_bytes_per_float / spent);
  }
  return best;
}

/// A model with everything that a step of one worker touches.
struct Bench {
  Bench(const Preset& preset, const BenchOptions& options)
      : Bench(shape_of(preset, vocabulary_of(preset, options), preset.seq_len), preset, options) {}

  std::size_t tokens() const noexcept { return rows_count * model.shape.positions; }

  void micro_batch(compute::Into into) {
    const compute::TokenRows rows{ids.data(), rows_count, model.shape.positions, tokens()};
    compute::gpt2_gradient(gradient.span(), model.shape, model.weights.span(), rows, workspace.span(), {},
                           compute::Activations::kept, model.packed.span(), into);
  }
  /// The addition of one gradient to another, of which a step of n micro-batches has n - 1 but for those made while
  /// one is computed.
  void sum() { compute::add(other_gradient.span(), other_gradient.span(), gradient.span()); }
  void update() {
    std::vector<double> squares((gradient.span().size() + compute::norm_block - 1) / compute::norm_block);
    UpdateSettings settings{};
    settings.step.learning_rate = 1e-5;
    settings.step.step = ++steps;
    settings.step.gradient_scale = 1.0f / static_cast<float>(tokens());
    if (optimizer == OptimizerKind::muon) {
      settings.muon = compute::MuonStep{};
      settings.muon->learning_rate = 1e-5;
    }
    compute::square_sums(squares, gradient.span(), settings.step.gradient_scale);
    update_weights(model, {0, model.weights.span().size()}, gradient.span(), settings);
    if (settings.muon) update_matrices(model, gradient.span(), settings, workspace.span());
  }

  Model model;
  std::size_t rows_count;
  OptimizerKind optimizer;
  FloatArena gradient, other_gradient, workspace;
  std::vector<std::int32_t> ids;
  std::uint64_t steps = 0;

 private:
  Bench(const compute::Gpt2Shape& shape, const Preset& preset, const BenchOptions& options)
      : Bench(shape, compute::gpt2_floats(shape), preset, options) {}
  Bench(const compute::Gpt2Shape& shape, std::size_t floats_count, const Preset& preset, const BenchOptions& options)
      : model{shape,
              compute::gpt2_tensors(shape),
              FloatArena(floats_count),
              FloatArena(floats_count),
              FloatArena(floats_count),
              FloatArena(compute::gpt2_packed_floats(shape))},
        rows_count(preset.micro_batch),
        optimizer(options.optimizer == OptimizerKind::by_model ? usual_optimizer(&preset) : options.optimizer),
        gradient(floats_count),
        other_gradient(floats_count),
        workspace(std::max(compute::gpt2_workspace_floats(shape, rows_count, preset.seq_len),
                           muon_workspace_floats(model.tensors))),
        ids(rows_count * (preset.seq_len + 1)) {
    compute::gpt2_initialize(model.weights.span(), shape, 1);
    compute::gpt2_pack(model.packed.span(), shape, model.weights.span(), 0, floats_count);
    std::uint32_t state = 1;
    for (std::int32_t& id : ids) {
      state = state * 1664525u + 1013904223u;
      id = static_cast<std::int32_t>((state >> 8) % shape.vocabulary);
    }
    std::fill(other_gradient.span().begin(), other_gradient.span().end(), 0.0f);
  }

  static std::size_t vocabulary_of(const Preset& preset, const BenchOptions& options) {
    return options.vocabulary != 0 ? options.vocabulary : usual_vocabulary(preset);
  }
};

/// The fastest eighth ends here: beside other programs a median tells of them.
double typical(std::vector<double> values) {
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 8);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

/// A part of a step: its time as a whole, and by operation in the order of their first call; undisturbed passes.
struct Measured {
  double ms;
  std::vector<OperationTimes> operations;
  std::vector<double> operation_ms;

  double flops() const noexcept {
    double sum = 0;
    for (const OperationTimes& one : operations) sum += one.flops;
    return sum;
  }
};

Measured measure(const std::function<void()>& pass, double seconds_max) {
  Measured measured;
  pass();  // touches memory for the first time
  compute::Profile profile;
  std::vector<double> whole_ms;
  std::vector<std::vector<double>> part_ms;
  const std::uint64_t began_ns = now_ns();
  constexpr std::size_t passes_min = 3, passes_max = 200;
  while (whole_ms.size() < passes_min || (whole_ms.size() < passes_max && seconds(now_ns() - began_ns) < seconds_max)) {
    whole_ms.push_back(1e3 * seconds_of(pass));  // without the profile, which takes a microsecond an operation
    profile.clear();
    compute::Profile::current() = &profile;
    pass();
    compute::Profile::current() = nullptr;
    part_ms.resize(profile.operations().size());
    for (std::size_t i = 0; i < part_ms.size(); ++i) part_ms[i].push_back(milliseconds(profile.operations()[i].ns));
  }
  measured.ms = typical(std::move(whole_ms));
  measured.operations.assign(profile.operations().begin(), profile.operations().end());
  for (std::vector<double>& times : part_ms) measured.operation_ms.push_back(typical(std::move(times)));
  return measured;
}

std::string extents(const compute::OperationKey& key) {
  if (key.K == 0) return fmt::format("{}", key.M);
  return fmt::format("{} x {} x {}", key.M, key.K, key.N);
}

void print_table(const char* title, const Measured& measured, const Yardsticks& machine) {
  fmt::print("\n{}: {:.3f} ms\n", title, measured.ms);
  fmt::print("{:>9} {:>6}  {:22} {:18} {:>5} {:>8} {:>7} {:>11} {:>8}\n", "ms", "share", "operation", "M x K x N",
             "calls", "GFLOP/s", "of peak", "arithmetic", "memory");
  double accounted = 0;
  for (std::size_t i = 0; i < measured.operations.size(); ++i) {
    const OperationTimes& one = measured.operations[i];
    const double ms = measured.operation_ms[i];
    accounted += ms;
    const double rate = 1e3 * one.flops / ms;
    fmt::print("{:9.3f} {:5.1f}%  {:22} {:18} {:5}", ms, 100 * ms / measured.ms, one.key.name, extents(one.key),
               one.calls_count);
    if (one.flops > 0) {
      fmt::print(" {:8.1f} {:6.1f}% {:8.3f} ms", 1e-9 * rate, 100 * rate / machine.flops_per_second,
                 1e3 * one.flops / machine.flops_per_second);
    } else {
      fmt::print(" {:8} {:7} {:>11}", "", "", "");
    }
    fmt::print(" {:8.3f} ms\n", 1e3 * one.bytes / machine.bytes_per_second);
  }
  fmt::print("{:9.3f} {:5.1f}%  between the operations\n", measured.ms - accounted,
             100 * (measured.ms - accounted) / measured.ms);
}

/// As TARGETS counts them: 6 for each weight of a matrix and token, and the causal half of attention.
double flops_per_token(const compute::Gpt2Shape& shape) {
  const std::size_t C = shape.channels;
  const std::size_t block =
      C * (shape.qkv_channels() + shape.attention_channels() + shape.hidden_channels() + shape.activated_channels()) +
      shape.positions * shape.attention_channels();
  return 6 * static_cast<double>(shape.layers * block + C * shape.vocabulary);
}

}  // namespace

int bench_command(const BenchOptions& options) {
  const Preset* const preset = find_preset(options.model);
  if (preset == nullptr) throw SettingsError("--model " + options.model + ": give one of " + preset_names());
  compute::set_floating_point_mode();
  const Yardsticks machine{measure_peak(), measure_bandwidth()};
  Bench bench(*preset, options);
  const double share = options.seconds / 5;
  const Measured batch = measure([&bench] { bench.micro_batch(compute::Into::replaced); }, 2 * share);
  const bool adds = compute::gpt2_gradient_adds(bench.tokens());
  const Measured added = adds ? measure([&bench] { bench.micro_batch(compute::Into::added); }, share) : Measured{};
  const Measured sum = measure([&bench] { bench.sum(); }, share);
  const Measured update = measure([&bench] { bench.update(); }, share);
  const double peak_after = measure_peak();

  fmt::print("one core, {}: {:.1f} GFLOP/s of multiply-adds (after the run {:.1f}), {:.1f} GB/s of memory\n",
             compute::instruction_set(), 1e-9 * machine.flops_per_second, 1e-9 * peak_after,
             1e-9 * machine.bytes_per_second);
  const compute::Gpt2Shape& shape = bench.model.shape;
  fmt::print("{}: {} layers, {} heads, width {}, vocabulary {}, context {}; {} rows a micro-batch, {} a step\n",
             preset->name, shape.layers, shape.heads, shape.channels, shape.vocabulary, shape.positions,
             bench.rows_count, options.micro_batches);
  print_table("a micro-batch", batch, machine);
  if (adds) fmt::print("\na micro-batch whose gradient is added to another meanwhile: {:.3f} ms\n", added.ms);
  print_table("adding one gradient to another", sum, machine);
  print_table("norm, update and packing", update, machine);

  const auto n = static_cast<double>(options.micro_batches);
  // One core computes neighbours one after the other, and adds every second gradient to the first.
  const double added_count = adds ? std::floor(n / 2) : 0;
  const double sums_ms = added_count * (added.ms - batch.ms) + (n - added_count - 1) * sum.ms;
  const double step_ms = n * batch.ms + sums_ms + update.ms;
  const double tokens = n * static_cast<double>(bench.tokens());
  const double rate = 1e3 * tokens * flops_per_token(shape) / step_ms;
  const double peak = std::max(machine.flops_per_second, peak_after);
  fmt::print(
      "\na step on one core: {:.2f} ms ({:.1f} % sums and update), {:.0f} tokens/s, {:.1f} GFLOP/s, {:.1f} % of peak\n",
      step_ms, 100 * (sums_ms + update.ms) / step_ms, 1e3 * tokens / step_ms, 1e-9 * rate, 100 * rate / peak);
  return 0;
}

}  // namespace pipeline
