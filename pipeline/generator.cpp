#include "pipeline/generator.hpp"

#include <algorithm>
#include <cmath>
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
  if (options_.logprobs_count != 0) note_likely(logits);
  if (options_.repetition_penalty != 1)
    compute::penalize_repetition(logits, window_, static_cast<float>(options_.repetition_penalty));
  const std::int32_t token = compute::sample(logits, options_.sampling, random_.uniform(drawn_count_++));
  window_.push_back(token);
  return token;
}

void Generator::note_likely(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  likely_.clear();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    const double relative = logits[id] - largest;
    sum += std::exp(relative);
    likely_.push_back({static_cast<std::int32_t>(id), relative});
  }
  const auto kept = likely_.begin() + static_cast<std::ptrdiff_t>(std::min(options_.logprobs_count, likely_.size()));
  std::partial_sort(likely_.begin(), kept, likely_.end(), [](const LikelyToken& a, const LikelyToken& b) {
    return a.logprob != b.logprob ? a.logprob > b.logprob : a.id < b.id;
  });
  likely_.erase(kept, likely_.end());
  for (LikelyToken& token : likely_) token.logprob -= std::log(sum);
}

void Generator::compute_logits() {
  const std::size_t positions = checkpoint_.shape.positions;
  if (window_.size() > positions) {
    // All that is kept of the tokens before depends on their positions, learned or rotary, and deeper in the model on
    // tokens that are gone: a window that slides is computed anew. So keep half, and slide rarely.
    const std::size_t kept = (positions + 1) / 2;
    window_.erase(window_.begin(), window_.end() - static_cast<std::ptrdiff_t>(kept));
    computed_count_ = 0;
  }
  compute::gpt2_logits(logits_, checkpoint_.shape, checkpoint_.weights.span(), window_, computed_count_, window_.size(),
                       workspace_.span());
  computed_count_ = window_.size();
}

}  // namespace pipeline
