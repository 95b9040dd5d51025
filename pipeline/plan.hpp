#pragma once

// The plan: which documents are trained on, which are held out, and in which order. A function of the seed and the
// corpus alone, never of time, cores or completions.

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "io/corpus.hpp"

namespace pipeline {

/// Documents for training and, by a hash of their origin, for validation.
struct Split {
  std::vector<io::Source> training;
  std::vector<io::Source> validation;
};

/// Sets aside the documents whose origin hashes below `fraction`. Where that would leave either side empty everything
/// is for training and `validation` is empty.
Split split_corpus(std::vector<io::Source> sources, double fraction);

/// The order of the documents of one corpus, epoch after epoch.
class Plan {
 public:
  enum class Shuffle { none, global };

  /// Requires sources_count > 0. `epochs_max` 0 means without end.
  Plan(std::size_t sources_count, Shuffle shuffle, std::uint64_t seed, std::uint64_t epochs_max);

  /// Past the last position.
  static constexpr std::size_t end = ~std::size_t{0};

  /// Index of the source at a position counted over all epochs, or `end`. Each epoch is a permutation of its own.
  std::size_t source_at(std::uint64_t position);

 private:
  const std::vector<std::uint32_t>& permutation(std::uint64_t epoch);

  std::size_t sources_count_;
  Shuffle shuffle_;
  std::uint64_t seed_;
  std::uint64_t epochs_max_;
  std::map<std::uint64_t, std::vector<std::uint32_t>> permutations_;  // of the epochs being read now
};

}  // namespace pipeline
