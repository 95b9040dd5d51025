#pragma once

// AdamW with decoupled weight decay, in the two passes that clipping by the global norm needs: first the norm of the
// whole gradient, then the update. Both work on a range of the flat array, so that executors share them out.

#include <cstddef>
#include <cstdint>
#include <span>

namespace compute {

/// Elements whose squares add up to one double of the gradient's norm; ranges are cut at its multiples.
inline constexpr std::size_t norm_block = 4096;

/// For each block of `norm_block` elements of `gradient` (the last may be short): the sum of squares of
/// f32(gradient[i] * scale), in double: 16 virtual lanes of fma(x, x, lane), the fold of compute/lanes.hpp.
///   sums: ceil(gradient.size() / norm_block) doubles. Adding them in order, over all ranges, gives the squared norm.
void square_sums(std::span<double> sums, std::span<const float> gradient, float scale) noexcept;

struct AdamWStep {
  double learning_rate;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  std::uint64_t step = 1;    ///< 1 at the first update; for the correction of the moments' bias
  float gradient_scale = 1;  ///< 1 / targets in the step
  float clip = 1;            ///< further factor <= 1 from clipping by the global norm
};

/// The factors of an update, each computed in double (powers by compute/scalar_math.hpp) and rounded once to f32.
struct AdamWFactors {
  float gradient_scale, clip;
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float rate;         ///< learning_rate / (1 - beta1^step)
  float correction2;  ///< 1 / (1 - beta2^step)
  float epsilon;
  float decay;  ///< learning_rate * weight_decay; 0 where nothing decays
};

AdamWFactors adamw_factors(const AdamWStep& step, bool decayed) noexcept;

/// Updates `weights`, `moment1` and `moment2` in place from `gradient`; all four cover the same range of the flat
/// array.
///   decayed: whether weight decay applies to the range.
///   The arithmetic, f32 but for `AdamWFactors`:
///     g  = (gradient * gradient_scale) * clip
///     m  = fma(beta1, m, (1 - beta1) * g)
///     v  = fma(beta2, v, ((1 - beta2) * g) * g)
///     s  = (rate * m) / (sqrt(v * correction2) + epsilon)         the root and the division are IEEE exact
///     w  = w - fma(decay, w, s)
///   Source: Loshchilov & Hutter 2019, algorithm 2, with the learning rate as the schedule multiplier.
void adamw_update(std::span<float> weights, std::span<float> moment1, std::span<float> moment2,
                  std::span<const float> gradient, bool decayed, const AdamWStep& step) noexcept;

/// out[i] = a[i] + b[i]: how two gradients of the sum tree become one. out may be a or b.
void add(std::span<float> out, std::span<const float> a, std::span<const float> b) noexcept;

namespace plain {
void square_sums(std::span<double> sums, std::span<const float> gradient, float scale) noexcept;
void adamw_update(std::span<float> weights, std::span<float> moment1, std::span<float> moment2,
                  std::span<const float> gradient, bool decayed, const AdamWStep& step) noexcept;
void add(std::span<float> out, std::span<const float> a, std::span<const float> b) noexcept;
}  // namespace plain

}  // namespace compute
