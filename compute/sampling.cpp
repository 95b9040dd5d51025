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

std::vector<std::int32_t> candidates_in_order(std::span<const float> logits, std::size_t top_k) {
  std::vector<std::int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const std::size_t kept = top_k == 0 ? ids.size() : std::min(top_k, ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(kept), ids.end(), MoreLikely(logits));
  ids.resize(kept);
  return ids;
}

/// Running sums of exp((logit - the first's logit) / temperature), in double and in the candidates' order.
std::vector<double> cumulated_weights(std::span<const float> logits, const std::vector<std::int32_t>& ids,
                                      double temperature) {
  std::vector<double> sums;
  sums.reserve(ids.size());
  const double best = logits[static_cast<std::size_t>(ids.front())];
  double sum = 0;
  for (const std::int32_t id : ids) {
    const double below_best = (logits[static_cast<std::size_t>(id)] - best) / temperature;
    if (below_best == 0) {
      sum += 1;  // the best, and its equals
    } else if (below_best > -80) {
      sum += plain::exp(static_cast<float>(below_best));  // below that a candidate has no chance within 53 bits
    }
    sums.push_back(sum);
  }
  return sums;
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
  const auto ids = candidates_in_order(logits, greedy ? 1 : sampling.top_k);
  if (ids.size() == 1) return ids.front();

  const auto sums = cumulated_weights(logits, ids, sampling.temperature);
  auto end = sums.end();
  if (sampling.top_p < 1) {
    end = std::lower_bound(sums.begin(), sums.end(), std::max(sampling.top_p, 0.0) * sums.back());
    end += end == sums.end() ? 0 : 1;  // the candidate with which the sum reaches top_p is kept
  }
  if (sampling.min_p > 0) {
    const auto too_unlikely = [&](std::int32_t id) {
      const double logit = logits[static_cast<std::size_t>(id)];
      const double best = logits[static_cast<std::size_t>(ids.front())];
      return std::exp((logit - best) / sampling.temperature) < sampling.min_p;
    };
    const auto first = std::partition_point(ids.begin() + 1, ids.begin() + (end - sums.begin()),
                                            [&](std::int32_t id) { return !too_unlikely(id); });
    end = sums.begin() + (first - ids.begin());
  }
  const double chosen = uniform * *(end - 1);
  const auto found = std::upper_bound(sums.begin(), end, chosen);
  const auto index = std::min(found - sums.begin(), end - sums.begin() - 1);
  return ids[static_cast<std::size_t>(index)];
}

}  // namespace compute
