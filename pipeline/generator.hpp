#pragma once

// Continuing a text with a trained model, a token at a time.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compute/random.hpp"
#include "compute/sampling.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/gradient.hpp"

namespace pipeline {

struct GeneratorOptions {
  compute::Sampling sampling{0.8, 0, 0.95};
  double repetition_penalty = 1;  ///< 1: none; looks at the tokens that the model looks at
  std::uint64_t seed = 1;
  std::size_t logprobs_count = 0;  ///< how many of the most likely tokens are told of
};

/// A token that might have come next.
struct LikelyToken {
  std::int32_t id;
  double logprob;  ///< the model's own, before temperature and all else that makes the choice
};

/// Keys and values of the positions seen so far are kept: a token costs one position. The same tokens on any machine.
class Generator {
 public:
  /// Borrows `checkpoint`. `sample` counts continuations of one prompt: each has random numbers of its own. Chooses
  /// among the first `ids_count` ids, all that the tokenizer has.
  Generator(const Checkpoint& checkpoint, std::size_t ids_count, const GeneratorOptions& options, std::uint64_t sample,
            std::vector<std::int32_t> prompt);

  /// The next token, which is part of the context from then on.
  std::int32_t next();

  /// The tokens that the last one was chosen among, the most likely first: `logprobs_count` of them at most.
  const std::vector<LikelyToken>& likely() const noexcept { return likely_; }

 private:
  void compute_logits();
  void note_likely(std::span<const float> logits);

  const Checkpoint& checkpoint_;
  std::size_t ids_count_;
  GeneratorOptions options_;
  compute::RandomStream random_;
  std::uint64_t drawn_count_ = 0;
  std::vector<std::int32_t> window_;  ///< what the model looks at
  std::size_t computed_count_ = 0;    ///< positions of the window whose keys and values the workspace holds
  FloatArena workspace_;
  std::vector<float> logits_;
  std::vector<LikelyToken> likely_;
};

}  // namespace pipeline
