#include "pipeline/plan.hpp"

#include <cassert>
#include <numeric>
#include <utility>

#include "compute/random.hpp"

namespace pipeline {

Split split_corpus(std::vector<io::Source> sources, double fraction) {
  Split split;
  for (io::Source& source : sources) {
    const bool held_out = io::origin_fraction(source.origin) < fraction;
    (held_out ? split.validation : split.training).push_back(source);
  }
  if (split.training.empty() || split.validation.empty()) return {std::move(sources), {}};
  return split;
}

Plan::Plan(std::size_t sources_count, Shuffle shuffle, std::uint64_t seed, std::uint64_t epochs_max)
    : sources_count_(sources_count), shuffle_(shuffle), seed_(seed), epochs_max_(epochs_max) {
  assert(sources_count > 0 && sources_count < (std::size_t{1} << 32));
}

std::size_t Plan::source_at(std::uint64_t position) {
  const std::uint64_t epoch = position / sources_count_;
  const std::size_t place = position % sources_count_;
  if (epochs_max_ != 0 && epoch >= epochs_max_) return end;
  return shuffle_ == Shuffle::none ? place : permutation(epoch)[place];
}

const std::vector<std::uint32_t>& Plan::permutation(std::uint64_t epoch) {
  std::vector<std::uint32_t>& order = permutations_[epoch];
  if (order.empty()) {
    // Fisher-Yates with numbers that depend on seed, epoch and place only.
    const compute::RandomStream random(seed_, compute::RandomPurpose::shuffle, static_cast<std::uint32_t>(epoch));
    order.resize(sources_count_);
    std::iota(order.begin(), order.end(), 0u);
    for (std::size_t left = sources_count_; left > 1; --left)
      std::swap(order[left - 1], order[random.below(left, left)]);
    // Files are read ahead across the end of an epoch; with tiny corpora over several ends.
    while (permutations_.size() > 64) permutations_.erase(permutations_.begin());
  }
  return order;
}

}  // namespace pipeline
