#include "compute/sampling.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "compute/exp.hpp"

namespace compute {

namespace {

/// The order of candidates: falling logit, then rising id. A NaN ranks like -infinity, so that the order is strict.
class MoreLikely {
 public:
  explicit MoreLikely(std::span<const float> logits) : logits_(logits) {}

  bool operator()(std::int32_t left, std::int32_t right) const noexcept {
    const float a = rank(left);
    const float b = rank(right);
    return a > b || (a == b && left < right);
  }

 private:
  float rank(std::int32_t id) const noexcept {
    const float logit = logits_[static_cast<std::size_t>(id)];
    return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
  }

  std::span<const float> logits_;
};

/// Candidates from the most likely on, with running sums of their weights exp((logit - the first's logit) /
/// temperature). They are put in order only as far as someone looks: most draws end within the first few.
class Ranking {
 public:
  Ranking(std::span<const float> logits, std::size_t top_k, double temperature)
      : logits_(logits), temperature_(temperature), ids_(logits.size()) {
    std::iota(ids_.begin(), ids_.end(), 0);
    const auto first = std::min_element(ids_.begin(), ids_.end(), MoreLikely(logits));
    best_ = logits[static_cast<std::size_t>(*first)];
    if (top_k != 0 && top_k < ids_.size()) {
      put_in_order(top_k);
      ids_.resize(top_k);
    }
    for (const std::int32_t id : ids_) total_ += weight(id);
  }

  std::size_t count() const noexcept { return ids_.size(); }
  /// The sum of all weights; the best one's is 1.
  double total() const noexcept { return total_; }
  std::int32_t id(std::size_t rank) { return ids_[reached(rank)]; }
  double weight_at(std::size_t rank) { return weight(id(rank)); }
  /// The weights of all ranks up to this one.
  double sum_at(std::size_t rank) { return sums_[reached(rank)]; }

 private:
  double weight(std::int32_t id) const noexcept {
    const double below_best = (logits_[static_cast<std::size_t>(id)] - best_) / temperature_;
    if (below_best == 0) return 1;  // the best, and its equals
    // Below that a candidate has no chance within 53 bits. A NaN has none either.
    return below_best > -80 ? plain::exp(static_cast<float>(below_best)) : 0;
  }

  std::size_t reached(std::size_t rank) {
    if (rank >= sums_.size())
      put_in_order(std::max<std::size_t>(rank + 1, std::max<std::size_t>(64, sums_.size() * 4)));
    return rank;
  }

  void put_in_order(std::size_t count) {
    const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(sums_.size());
    const auto end = ids_.begin() + static_cast<std::ptrdiff_t>(std::min(count, ids_.size()));
    if (end != ids_.end()) std::nth_element(begin, end, ids_.end(), MoreLikely(logits_));
    std::sort(begin, end, MoreLikely(logits_));
    for (auto it = begin; it != end; ++it) sums_.push_back((sums_.empty() ? 0 : sums_.back()) + weight(*it));
  }

  std::span<const float> logits_;
  double temperature_;
  std::vector<std::int32_t> ids_;
  std::vector<double> sums_;  // as many as candidates are in order
  double best_ = 0;
  double total_ = 0;
};

/// How many ranks top_p and min_p leave; at least 1.
std::size_t kept_count(Ranking& ranking, const Sampling& sampling) {
  std::size_t kept = ranking.count();
  if (sampling.top_p < 1) {
    const double enough = std::max(sampling.top_p, 0.0) * ranking.total();
    kept = 1;  // the candidate with which the sum reaches top_p is kept
    while (kept < ranking.count() && ranking.sum_at(kept - 1) < enough) ++kept;
  }
  if (sampling.min_p > 0) {
    std::size_t likely = 1;
    while (likely < kept && ranking.weight_at(likely) >= sampling.min_p) ++likely;
    kept = likely;
  }
  return kept;
}

}  // namespace

void penalize_repetition(std::span<float> logits, std::span<const std::int32_t> seen, float penalty) {
  std::vector<std::int32_t> once(seen.begin(), seen.end());
  std::sort(once.begin(), once.end());
  once.erase(std::unique(once.begin(), once.end()), once.end());
  for (const std::int32_t id : once) {
    float& logit = logits[static_cast<std::size_t>(id)];
    logit = logit > 0 ? logit / penalty : logit * penalty;
  }
}

std::int32_t sample(std::span<const float> logits, const Sampling& sampling, double uniform) {
  assert(!logits.empty());
  assert(uniform >= 0 && uniform < 1);
  const bool greedy = sampling.temperature <= 0;
  Ranking ranking(logits, greedy ? 1 : sampling.top_k, greedy ? 1 : sampling.temperature);
  const std::size_t kept = kept_count(ranking, sampling);
  const double chosen = uniform * (kept == ranking.count() ? ranking.total() : ranking.sum_at(kept - 1));
  std::size_t rank = 0;
  while (rank + 1 < kept && ranking.sum_at(rank) <= chosen) ++rank;
  return ranking.id(rank);
}

}  // namespace compute
