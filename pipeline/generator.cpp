#include "pipeline/generator.hpp"

#include <utility>

#include "compute/gpt2.hpp"

namespace pipeline {

Generator::Generator(const Checkpoint& checkpoint, std::size_t ids_count, const GeneratorOptions& options,
                     std::uint64_t sample, std::vector<std::int32_t> prompt)
    : checkpoint_(checkpoint),
      ids_count_(ids_count),
      options_(options),
      random_(options.seed, compute::RandomPurpose::sampling, sample),
      window_(std::move(prompt)),
      workspace_(compute::gpt2_forward_workspace_floats(checkpoint.shape, 1, checkpoint.shape.positions)),
      logits_(checkpoint.shape.vocabulary) {}

std::int32_t Generator::next() {
  compute_logits();
  const std::span<float> logits = std::span(logits_).first(ids_count_);
  if (options_.repetition_penalty != 1)
    compute::penalize_repetition(logits, window_, static_cast<float>(options_.repetition_penalty));
  const std::int32_t token = compute::sample(logits, options_.sampling, random_.uniform(drawn_count_++));
  window_.push_back(token);
  return token;
}

void Generator::compute_logits() {
  const std::size_t positions = checkpoint_.shape.positions;
  if (window_.size() > positions) {
    // Positions are learned, so a window that slides must be computed anew: keep half, and slide rarely.
    const std::size_t kept = (positions + 1) / 2;
    window_.erase(window_.begin(), window_.end() - static_cast<std::ptrdiff_t>(kept));
    computed_count_ = 0;
  }
  compute::gpt2_logits(logits_, checkpoint_.shape, checkpoint_.weights.span(), window_, computed_count_, window_.size(),
                       workspace_.span());
  computed_count_ = window_.size();
}

}  // namespace pipeline
