// Packing for matrix products: pieces of the operands copied so that the micro-kernel reads them in order. For
// compute/product_simd.cpp only, once per target. Both directions are bound by loads and stores: about 0.1 cycles a
// float for copies, 0.4 for transpositions, against rows / 16 (or columns / 16) cycles of arithmetic on each.

#if defined(ICOSA_COMPUTE_PRODUCT_PACK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_PRODUCT_PACK_INL
#undef ICOSA_COMPUTE_PRODUCT_PACK_INL
#else
#define ICOSA_COMPUTE_PRODUCT_PACK_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>

#include "compute/product.hpp"
#include "compute/product_kernel-inl.hpp"
#include "compute/simd_math-inl.hpp"

#if HWY_NATIVE_FMA  // the portable targets run the plain forms
HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Floats that a packing may write behind its piece: it stores whole vectors.
inline constexpr std::size_t pack_spill = 16;

/// One step of k: to[c] = from[c] for c < columns. Whole vectors are written.
HWY_INLINE void PackStep(float* HWY_RESTRICT to, const float* HWY_RESTRICT from, std::size_t columns) {
  const ProductTag d;
  for (std::size_t c = 0; c < columns; c += product_lanes) {
    hn::StoreU(LoadPart(d, from + c, HWY_MIN(product_lanes, columns - c)), d, to + c);
  }
}

/// to[k * step + c] = from[k * stride + c] for c < columns <= step, k < depth.
HWY_INLINE void PackStored(float* to, std::size_t step, const float* from, std::size_t stride, std::size_t columns,
                           std::size_t depth) {
  for (std::size_t k = 0; k < depth; ++k) PackStep(to + k * step, from + k * stride, columns);
}

/// to[k * step + c] = from[k * stride + c] for c < product_lanes, k < depth, in rising k: steps closer than a vector
/// keep what the next one begins with.
template <std::size_t depth>
HWY_INLINE void PackWholeVectors(float* HWY_RESTRICT to, std::size_t step, const float* HWY_RESTRICT from,
                                 std::size_t stride) {
  const ProductTag d;
  hn::Vec<ProductTag> steps[depth];
  HWY_UNROLL(8)
  for (std::size_t k = 0; k < depth; ++k) steps[k] = hn::LoadU(d, from + k * stride);
  HWY_UNROLL(8)
  for (std::size_t k = 0; k < depth; ++k) hn::StoreU(steps[k], d, to + k * step);
}

/// Rows of a matrix at the same k. A group of fewer rows than lanes repeats its last one.
struct RowGroup {
  const float* row[product_lanes];
};

/// Four floats at k of rows `first`, first + 4, first + 8, ...: a block of 128 bits each.
template <std::size_t first, class D>
HWY_INLINE hn::Vec<D> LoadEveryFourthRow(D d, const RowGroup& group, std::size_t k) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, group.row[first] + k);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, LoadEveryFourthRow<first + hn::MaxLanes(hn::Half<D>())>(half, group, k),
                       LoadEveryFourthRow<first>(half, group, k));
  }
}

template <Store store>
HWY_INLINE void Put(hn::Vec<ProductTag> v, float* to) {
  const ProductTag d;
  if constexpr (store == Store::streamed) {
    hn::Stream(v, d, to);
  } else {
    hn::StoreU(v, d, to);
  }
}

/// to[q * step + r] = row r at k + q, for r < product_lanes and q < 4: a transposition within blocks of 128 bits.
template <Store store>
HWY_INLINE void TransposeFourSteps(float* HWY_RESTRICT to, std::size_t step, const RowGroup& group, std::size_t k) {
  const ProductTag d;
  const hn::RepartitionToWide<ProductTag> pairs;
  const auto row0 = LoadEveryFourthRow<0>(d, group, k);
  const auto row1 = LoadEveryFourthRow<1>(d, group, k);
  const auto row2 = LoadEveryFourthRow<2>(d, group, k);
  const auto row3 = LoadEveryFourthRow<3>(d, group, k);
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
  Put<store>(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), to);
  Put<store>(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), to + step);
  Put<store>(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), to + 2 * step);
  Put<store>(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), to + 3 * step);
}

/// to[k * step + r] = from[r * stride + k] for r < rows <= product_lanes, k < depth. Stores whole vectors in rising k,
/// so that what falls behind row `rows` is overwritten by the next step, if step is less than a vector.
HWY_INLINE void TransposeGroup(float* to, std::size_t step, const float* from, std::size_t stride, std::size_t rows,
                               std::size_t depth) {
  RowGroup group;
  for (std::size_t r = 0; r < product_lanes; ++r) group.row[r] = from + HWY_MIN(r, rows - 1) * stride;
  std::size_t k = 0;
  for (; k + 4 <= depth; k += 4) TransposeFourSteps<Store::cached>(to + k * step, step, group, k);
  for (; k < depth; ++k) {
    for (std::size_t r = 0; r < rows; ++r) to[k * step + r] = from[r * stride + k];
  }
}

/// to[k * step + r] = from[r * stride + k] for r < rows, k < depth. Either one group of rows or whole vectors of steps:
/// Requires rows <= product_lanes, or step to be a multiple of product_lanes.
HWY_INLINE void PackTransposed(float* to, std::size_t step, const float* from, std::size_t stride, std::size_t rows,
                               std::size_t depth) {
  for (std::size_t r = 0; r < rows; r += product_lanes) {
    TransposeGroup(to + r, step, from + r * stride, stride, HWY_MIN(product_lanes, rows - r), depth);
  }
}

/// Columns of a panel of a packed matrix.
inline constexpr std::size_t panel_columns = tile_vectors * product_lanes;

/// to[k * panel_columns + r] = from[r * stride + k] for r < panel_columns, k < depth: step after step, as memory likes
/// it where the panel goes past the caches.
template <Store store>
HWY_INLINE void TransposePanel(float* to, const float* from, std::size_t stride, std::size_t depth) {
  RowGroup groups[tile_vectors];
  for (std::size_t r = 0; r < panel_columns; ++r) groups[r / product_lanes].row[r % product_lanes] = from + r * stride;
  std::size_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    for (std::size_t g = 0; g < tile_vectors; ++g) {
      TransposeFourSteps<store>(to + k * panel_columns + g * product_lanes, panel_columns, groups[g], k);
    }
  }
  for (; k < depth; ++k) {
    for (std::size_t r = 0; r < panel_columns; ++r) to[k * panel_columns + r] = from[r * stride + k];
  }
}

/// Steps [first, last) of all whole panels of a stored b.
template <Store store>
HWY_INLINE void PackPanelSteps(float* to, const ConstMatrix& b, std::size_t first, std::size_t last) {
  const ProductTag d;
  for (std::size_t j = 0; j + panel_columns <= b.columns; j += panel_columns) {
    float* const panel = to + j * b.rows;
    for (std::size_t k = first; k < last; ++k) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < tile_vectors; ++v) {
        const std::size_t place = v * product_lanes;
        Put<store>(hn::LoadU(d, b.data + k * b.stride + j + place), panel + k * panel_columns + place);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();
#endif

#endif
