#include "pipeline/settings.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "io/text_key.hpp"
#include "pipeline/model_choice.hpp"

namespace pipeline {
namespace {

constexpr std::size_t levels_max = 4;
constexpr std::size_t step_batches_max = 12 * 12 * 12 * 12;
constexpr std::size_t seq_len_max = 1u << 16;
constexpr std::size_t micro_batch_max = 1u << 12;

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw SettingsError(otherwise);
}

void require_between(const char* option, std::uint64_t value, std::uint64_t first, std::uint64_t last) {
  require(value >= first && value <= last,
          fmt::format("{} {}: give a number from {} to {}", option, value, first, last));
}

void require_number(const char* option, double value, double first, double last) {
  require(std::isfinite(value) && value >= first && value <= last,
          fmt::format("{} {}: give a number from {} to {}", option, value, first, last));
}

/// --levels L stands for --workers 12^L.
void choose_workers(TrainSettings& settings) {
  if (settings.levels == 0) {
    if (settings.workers == 0) settings.workers = 12;
    return;
  }
  require_between("--levels", settings.levels, 1, levels_max);
  std::size_t workers = 1;
  for (std::size_t level = 0; level < settings.levels; ++level) workers *= 12;
  require(settings.workers == 0 || settings.workers == workers,
          fmt::format("--workers {} --levels {}: that many levels have {} workers; give one of the two",
                      settings.workers, settings.levels, workers));
  settings.workers = workers;
}

}  // namespace

void check(const DataSettings& settings) {
  require(!settings.paths.empty() || !settings.mixes.empty(), "no PATH given: name a folder or files with text");
  require(settings.paths.empty() || settings.mixes.empty(), "PATH and --mix: give one or the other");
  try {
    const io::TextKey key(settings.text_key);
  } catch (const std::invalid_argument& error) {
    throw SettingsError(std::string("--text-key: ") + error.what());
  }
  require_number("--max-skipped-fraction", settings.max_skipped_fraction, 0, 1);
  if (settings.read_ahead_mib != 0) require_between("--read-ahead", settings.read_ahead_mib, 4, 1u << 14);
}

TrainSettings complete(TrainSettings settings) {
  check(settings);
  settings.resume = settings.resume || settings.resume_anyway;
  if (settings.model.empty()) settings.model = default_preset;
  const ModelChoice model = choose_model(settings.model);
  require((settings.steps != 0) + (settings.epochs != 0) + (settings.tokens != 0) <= 1,
          "--steps, --epochs and --tokens each set the length of the run: give one of them");
  if (settings.seq_len == 0) settings.seq_len = model.seq_len();
  if (settings.micro_batch == 0) settings.micro_batch = model.micro_batch();
  if (settings.optimizer == OptimizerKind::by_model) settings.optimizer = model.optimizer();
  if (settings.learning_rate == 0) settings.learning_rate = model.learning_rate(settings.optimizer);
  if (settings.muon_learning_rate == 0) settings.muon_learning_rate = model.muon_learning_rate();

  choose_workers(settings);
  require_between("--workers", settings.workers, 1, step_batches_max);
  require_between("--accumulate", settings.accumulate, 1, step_batches_max);
  require(settings.step_batches_count() <= step_batches_max,
          fmt::format("--workers {} --accumulate {}: a step may have up to {} micro-batches", settings.workers,
                      settings.accumulate, step_batches_max));
  require_between("--seq-len", settings.seq_len, 1, seq_len_max);
  require_between("--micro-batch", settings.micro_batch, 1, micro_batch_max);
  require_number("--lr", settings.learning_rate, 0, 1e3);
  require_number("--weight-decay", settings.weight_decay, 0, 1e3);
  require_number("--grad-clip", settings.grad_clip, 0, 1e9);
  require_number("--beta1", settings.beta1, 0, 1 - 1e-9);
  require_number("--beta2", settings.beta2, 0, 1 - 1e-9);
  require_number("--epsilon", settings.epsilon, 1e-30, 1);
  require_number("--muon-lr", settings.muon_learning_rate, 0, 1e3);
  require_number("--muon-momentum", settings.muon_momentum, 0, 1 - 1e-9);
  require_number("--muon-weight-decay", settings.muon_weight_decay, 0, 1e3);
  require_number("--final-lr-fraction", settings.final_lr_fraction, 0, 1);
  require_number("--decay-fraction", settings.decay_fraction, 0, 1);
  require_number("--label-smoothing", settings.label_smoothing, 0, 0.99);
  require_number("--z-loss", settings.z_loss, 0, 1);
  require_number("--dropout", settings.dropout, 0, 0.99);
  require_number("--val-fraction", settings.val_fraction, 0, 1);
  require_number("--checkpoint-minutes", settings.checkpoint_minutes, 0, 1e6);
  require_between("--keep", settings.keep, 1, 1u << 20);
  require_between("--eval-tokens", settings.eval_tokens, 1, std::uint64_t{1} << 62);
  return settings;
}

}  // namespace pipeline
