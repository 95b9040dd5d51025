#include "pipeline/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "pipeline/json.hpp"

namespace pipeline {
namespace {

const char* schedule_name(compute::ScheduleKind kind) noexcept {
  switch (kind) {
    case compute::ScheduleKind::constant:
      return "constant";
    case compute::ScheduleKind::wsd:
      return "wsd";
    case compute::ScheduleKind::linear:
      return "linear";
    case compute::ScheduleKind::cosine:
      break;
  }
  return "cosine";
}

// DESIGN.md, "What may change on resume". Workers, levels and accumulation count by their product; model, tokenizer and
// corpus by what they are, not by how they are called.
constexpr std::array<std::string_view, 18> changeable = {"--steps",
                                                         "--workers",
                                                         "--levels",
                                                         "--accumulate",
                                                         "--cores",
                                                         "--pin",
                                                         "--io",
                                                         "--read-ahead",
                                                         "--gradient-memory",
                                                         "--recompute",
                                                         "--eval-every",
                                                         "--eval-tokens",
                                                         "--model",
                                                         "--tokenizer",
                                                         "--checkpoint-every",
                                                         "--keep",
                                                         "--checkpoint-minutes",
                                                         "--ranks"};

bool may_change(std::string_view option) {
  return std::find(changeable.begin(), changeable.end(), option) != changeable.end();
}

}  // namespace

Configuration configuration_of(const TrainSettings& settings, Shuffle shuffle) {
  const auto number = [](auto value) { return fmt::format("{}", value); };
  const auto real = [](double value) { return json_number(value); };
  Configuration configuration = {
      {"--model", settings.model},
      {"--tokenizer", settings.tokenizer},
      {"--workers", number(settings.workers)},
      {"--levels", settings.levels == 0 ? "" : number(settings.levels)},
      {"--gradient-memory", gradient_memory_name(settings.gradient_memory)},
      {"--accumulate", number(settings.accumulate)},
      {"micro-batches per step", number(settings.step_batches_count())},
      {"--micro-batch", number(settings.micro_batch)},
      {"--seq-len", number(settings.seq_len)},
      {"--doc-mask", settings.document_mask ? "yes" : "no"},
      {"--steps", number(settings.steps)},
      {"--epochs", number(settings.epochs)},
      {"--tokens", number(settings.tokens)},
      {"--lr", real(settings.learning_rate)},
      {"--warmup", settings.warmup < 0 ? "a twentieth" : number(settings.warmup)},
      {"--schedule", schedule_name(settings.schedule)},
      {"--weight-decay", real(settings.weight_decay)},
      {"--grad-clip", real(settings.grad_clip)},
      {"--optimizer", settings.optimizer == OptimizerKind::muon ? "muon" : "adamw"},
      {"--beta1", real(settings.beta1)},
      {"--beta2", real(settings.beta2)},
      {"--epsilon", real(settings.epsilon)},
      {"--muon-lr", real(settings.muon_learning_rate)},
      {"--muon-momentum", real(settings.muon_momentum)},
      {"--muon-weight-decay", real(settings.muon_weight_decay)},
      {"--final-lr-fraction", real(settings.final_lr_fraction)},
      {"--decay-fraction", real(settings.decay_fraction)},
      {"--label-smoothing", real(settings.label_smoothing)},
      {"--z-loss", real(settings.z_loss)},
      {"--dropout", real(settings.dropout)},
      {"--recompute", settings.recompute ? "yes" : "no"},
      {"--seed", number(settings.seed)},
      {"--text-key", settings.text_key},
      {"--shuffle", shuffle_name(shuffle)},
      {"--val-fraction", real(settings.val_fraction)},
      {"--strict", settings.strict ? "yes" : "no"},
      {"--max-skipped-fraction", real(settings.max_skipped_fraction)},
      {"--eval-every", number(settings.eval_every)},
      {"--eval-tokens", number(settings.eval_tokens)},
      {"--checkpoint-every", number(settings.checkpoint_every)},
      {"--checkpoint-minutes", real(settings.checkpoint_minutes)},
      {"--keep", number(settings.keep)},
      {"--cores", settings.cores},
  };
  // Which corpus has which share; where they lie does not matter.
  std::string mix;
  std::vector<std::string> parts;
  for (const std::string& part : settings.mixes) parts.push_back(part.substr(0, part.find(':', part.find('='))));
  std::sort(parts.begin(), parts.end());
  for (const std::string& part : parts) mix += (mix.empty() ? "" : ", ") + part;
  configuration.emplace_back("--mix", mix);
  return configuration;
}

std::vector<std::string> configuration_differences(const Configuration& was, const Configuration& is) {
  std::vector<std::string> lines;
  for (const auto& [option, value] : is) {
    const std::string before = value_of(was, option);
    if (before == value || may_change(option)) continue;
    lines.push_back(fmt::format("{} is {} and was {}", option, value.empty() ? "nothing" : value,
                                before.empty() ? "nothing" : before));
  }
  return lines;
}

std::string fixed_text(const Configuration& configuration) {
  std::string text;
  for (const auto& [option, value] : configuration)
    if (!may_change(option)) text += option + "=" + value + "\n";
  return text;
}

std::string value_of(const Configuration& configuration, const std::string& option) {
  for (const auto& [name, value] : configuration)
    if (name == option) return value;
  return {};
}

}  // namespace pipeline
