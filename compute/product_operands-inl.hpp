// The operands of a matrix product as the micro-kernel meets them: groups of rows of a and panels of columns of b, over
// one block of k, packed or where they lie. For compute/product_simd.cpp only, once per target.

#if defined(ICOSA_COMPUTE_PRODUCT_OPERANDS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_PRODUCT_OPERANDS_INL
#undef ICOSA_COMPUTE_PRODUCT_OPERANDS_INL
#else
#define ICOSA_COMPUTE_PRODUCT_OPERANDS_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "compute/product_call.hpp"
#include "compute/product_kernel-inl.hpp"
#include "compute/product_pack-inl.hpp"

#if HWY_NATIVE_FMA  // the portable targets run the plain forms
HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Rows [first, first + rows) of a group, and where their elements of the block of k are.
struct RowsOfA {
  std::size_t first, rows;
  const float* data;
  std::size_t row, step;
};

inline constexpr std::size_t groups_max = (block_rows_max + 5) / 6;  // of AVX2's tiles, and of wide ones
static_assert(tile_rows_max >= 6);

/// A block of rows cut into groups as equal as can be, so that no kernel runs with too few chains to hide its latency.
struct BlockOfA {
  RowsOfA groups[groups_max];
  std::size_t count;
  Layout layout;
};

/// Below this many panels of b, a is read where it lies: packing costs as much as a panel's arithmetic gains by it.
inline constexpr std::size_t packing_panels_min = 3;
/// Up to this many columns of the result a stored a is read where it lies, and by tiles of few rows a transposed one.
/// Measured with AVX2's of 6 rows: a stored a is as good as a packed one at 384 to 1,536 columns, 1-2 % behind at 768
/// and more of a wide model, and saves its packing, 10 % of 64 columns; a transposed one is behind from 192 on. With
/// AVX-512's of 13 a stored one saves 1-3 % at 256 and 384 columns, and on a Xeon a transposed one whose steps are at
/// most 512 floats apart 4 % of 384 steps, rows and columns, 7-9 % of 32 and 128 steps with 192 and 256 columns.
inline constexpr std::size_t in_place_rows_max = 8, in_place_columns_max = 512, in_place_transposed_columns_max = 64,
                             in_place_transposed_stride_max = 512;
/// Rows or steps a multiple of this many floats apart fall into one set of the first cache, and few of the second: half
/// the speed, were they read in place by more than a few at a time.
inline constexpr std::size_t one_set_stride = 1024;
/// From this many floats from row to row of the stored `a` on, a narrow result is taken in one width.
inline constexpr std::size_t narrow_stride_min = 1024;
inline constexpr std::size_t tile_vectors_wide = 4;
inline constexpr std::size_t tile_rows_wide = (vector_registers - 2 - tile_vectors_wide) / tile_vectors_wide;
/// Below this many groups of rows, or up to so many steps of k, whole panels of a stored b are read where they lie.
inline constexpr std::size_t packing_groups_min = 3, in_place_steps_max = 64;
/// With AVX-512, whose steps take two loads of b, up to so many where the rows of b are this short: there
/// packing costs 3 % more than it gains (64 x 128 x 192 and 256 on Zen 5).
inline constexpr std::size_t in_place_short_steps_max = product_lanes == 16 ? 128 : in_place_steps_max;
inline constexpr std::size_t short_stride_max = 256;

/// Whether panels of a stored b are read where they lie for so many steps, however many groups of rows there are.
constexpr bool ReadsInPlace(std::size_t depth, std::size_t stride) {
  return depth <= (stride <= short_stride_max ? in_place_short_steps_max : in_place_steps_max);
}

/// From this size on an operand is asked for before it is packed.
inline constexpr std::size_t asking_floats_min = 128 << 10;
/// From this size on an operand comes from memory.
inline constexpr std::size_t far_floats_min = 4 << 20;
/// And from this many groups of rows on: with fewer the asking takes as long as it saves.
inline constexpr std::size_t asking_groups_min = 8;

/// Vectors of b packed together.
inline constexpr std::size_t panel_vectors_sum = packed_columns_max / product_lanes;

/// Cuts rows [first, first + rows), at most block_rows_max of them, into groups of at most group_rows_max: group g
/// begins at rows * g / count. Without two divisions for each: they were 0.4 % of preset seed's samples on Zen 1.
inline void CutRows(BlockOfA& block, std::size_t first, std::size_t rows, std::size_t group_rows_max) {
  const std::size_t count = (rows + group_rows_max - 1) / group_rows_max;
  const std::size_t least = rows / count, over = rows % count;
  block.count = count;
  for (std::size_t g = 0, rest = 0; g < count; ++g) {
    rest += over;
    const std::size_t more = rest >= count ? 1 : 0;
    rest -= more * count;
    block.groups[g].first = first;
    block.groups[g].rows = least + more;
    first += least + more;
  }
}

/// Few columns beside an `a` whose rows or steps lie so far apart that those of a tile fall into few sets of the first
/// cache: a tile as wide as the result is then the best, with fewer rows, and each float of `a` read once.
inline bool IsNarrow(const Product& product) {
  return tile_rows_wide >= 6 && product.packed == nullptr && product.a.stride >= narrow_stride_min &&
         product.out.columns == tile_vectors_wide * product_lanes;
}

/// Whether a is worth packing: where enough panels of b meet it.
inline bool PacksA(const Product& product) {
  const std::size_t columns = product.out.columns;
  if (product.out.rows <= tile_rows_max || IsNarrow(product)) return false;
  const bool few_rows = tile_rows_max <= in_place_rows_max, one_set = product.a.stride % one_set_stride == 0;
  if (product.a_as == As::stored && (few_rows || !one_set)) return columns > in_place_columns_max;
  if (few_rows && !one_set) return columns > in_place_transposed_columns_max;
  if (!few_rows && product.a.stride <= in_place_transposed_stride_max && columns <= in_place_columns_max) return false;
  return columns > (packing_panels_min - 1) * tile_vectors * product_lanes;
}

/// Points the groups at a as it lies in memory, from step k on.
inline void PointAtA(BlockOfA& block, const Product& product, std::size_t k) {
  const ConstMatrix& a = product.a;
  const bool stored = product.a_as == As::stored;
  block.layout = stored ? Layout::steps_adjacent : Layout::rows_adjacent;
  for (std::size_t g = 0; g < block.count; ++g) {
    RowsOfA& group = block.groups[g];
    group.data = stored ? a.data + group.first * a.stride + k : a.data + k * a.stride + group.first;
    group.row = stored ? a.stride : 1;
    group.step = stored ? 1 : a.stride;
  }
}

/// Packs rows that lie side by side, of all groups at a time: each step's are read in one stretch. Group by group the
/// cache lines at the groups' borders, and with wide strides all of them, would be fetched twice (0.5 instead of 0.1
/// cycles a float). A few steps of one group together: finding a group takes as long as packing a step of it.
/// last: where the stored matrix ends, in rows; behind the groups up to there whole vectors may be read.
/// far: the steps are so far apart, in memory, that no hardware foresees the next one.
inline void PackSideBySide(const BlockOfA& block, const float* from, std::size_t stride, std::size_t depth,
                           std::size_t last, bool far) {
  constexpr std::size_t steps_together = 4, steps_ahead = 8, line_floats = 16;
  const RowsOfA* const groups = block.groups;
  const std::size_t first = groups[0].first;
  const std::size_t rows = groups[block.count - 1].first + groups[block.count - 1].rows - first;
  for (std::size_t k = 0; k < depth; k += steps_together) {
    const std::size_t steps = HWY_MIN(steps_together, depth - k);
    for (std::size_t ahead = k + steps_ahead; far && ahead < HWY_MIN(depth, k + steps_ahead + steps); ++ahead) {
      for (std::size_t i = 0; i < rows; i += line_floats) hwy::Prefetch(from + ahead * stride + i);
    }
    for (std::size_t g = 0; g < block.count; ++g) {
      const RowsOfA& group = groups[g];
      float* const to = const_cast<float*>(group.data) + k * group.step;
      const float* const source = from + k * stride + (group.first - first);
      if (group.rows <= product_lanes && steps == steps_together && group.first + product_lanes <= last) {
        PackWholeVectors<steps_together>(to, group.step, source, stride);
      } else {
        PackStored(to, group.step, source, stride, group.rows, steps);
      }
    }
  }
}

/// Packs the groups' rows over steps [k, k + depth) into `to`, one group after the other, and points the groups there.
/// Returns where the next block's place begins.
inline float* PackA(BlockOfA& block, const Product& product, std::size_t k, std::size_t depth, float* to) {
  PointAtA(block, product, k);
  const float* const side_by_side = block.groups[0].data;
  for (std::size_t g = 0; g < block.count; ++g) {
    RowsOfA& group = block.groups[g];
    const std::size_t step = packed_step(group.rows);
    if (block.layout == Layout::steps_adjacent) {
      PackTransposed(to, step, group.data, group.row, group.rows, depth);
    }
    group.data = to;
    group.row = 1;
    group.step = step;
    to += step * depth + pack_spill;
  }
  if (block.layout == Layout::rows_adjacent) {
    const bool far = product.a.rows * product.a.columns >= far_floats_min;
    PackSideBySide(block, side_by_side, product.a.stride, depth, product.a.columns, far);
  }
  block.layout = Layout::packed;
  return to;
}

/// How many vectors wide the next panel is, for `columns` left: two, more where there are few rows, one at the end.
inline std::size_t PanelVectors(std::size_t columns, std::size_t rows_max, Layout layout) {
  for (std::size_t vectors = tile_vectors_max; vectors > tile_vectors; vectors /= 2) {
    if (columns >= vectors * product_lanes && TileFunction(rows_max, vectors, layout) != nullptr) return vectors;
  }
  return columns > product_lanes ? tile_vectors : 1;
}

/// Columns of b from j on over one block of k from k on.
inline Upcoming UpcomingB(const Product& product, std::size_t j, std::size_t k) {
  const ConstMatrix& b = product.b;
  const std::size_t depth = product.depth() + product.b_steps_behind;
  if (j >= product.out.columns || k >= depth) return {};
  const std::size_t columns = HWY_MIN(packed_columns_max, product.out.columns - j);
  const std::size_t steps = HWY_MIN(product_block, depth - k);
  if (product.packed != nullptr)
    return {product.packed + j * b.stride + k * panel_columns, (columns + panel_columns - 1) / panel_columns,
            steps * panel_columns, b.stride * panel_columns};
  if (product.b_as == As::stored) return {b.data + k * b.stride + j, steps, columns, b.stride};
  return {b.data + j * b.stride + k, columns, steps, b.stride};
}

/// Of what lies behind a packed b the part that belongs to the stretch of columns at j and the block of k at k.
inline Upcoming UpcomingBehindB(const Product& product, std::size_t j, std::size_t k) {
  if (product.b_floats_behind == 0) return {};
  const std::size_t stretches = (product.out.columns + packed_columns_max - 1) / packed_columns_max;
  const std::size_t parts = stretches * ((product.depth() + product_block - 1) / product_block);
  const std::size_t part = k / product_block * stretches + j / packed_columns_max;
  const std::size_t begin = product.b_floats_behind * part / parts, end = product.b_floats_behind * (part + 1) / parts;
  return {product.packed + packed_floats(product.depth(), product.out.columns) + begin, 1, end - begin, 0};
}

/// Panels of b side by side, each `vectors` vectors wide, over one block of k. More than one only where all are whole.
struct PanelsOfB {
  std::size_t first, columns, vectors;  ///< columns: of one panel
  std::size_t count;
  const float* data;
  std::size_t step, panel;  ///< floats from one step of k, and from one panel, to the next
  float* packed;            ///< not nullptr: the first group of rows packs them to here, scratch_panel() apart

  std::size_t scratch_panel() const { return vectors * product_lanes * product_block; }
  bool whole() const { return columns == vectors * product_lanes; }
  bool goes_on_with(const PanelsOfB& next) const {
    return vectors == next.vectors && next.whole() && (packed == nullptr) == (next.packed == nullptr);
  }
};

/// Cuts the next panel of columns, and packs it into `to` unless it is read where it lies or packed on the way.
inline PanelsOfB TakePanel(const Product& product, const BlockOfA& block, std::size_t j, std::size_t k,
                           std::size_t depth, float* to) {
  const ConstMatrix& b = product.b;
  const std::size_t left = product.out.columns - j;
  PanelsOfB panel;
  panel.first = j;
  panel.count = 1;
  panel.packed = nullptr;
  if (product.packed != nullptr) {
    panel.vectors = left > product_lanes ? tile_vectors : 1;
    panel.columns = std::min(panel_columns, left);
    panel.data = product.packed + j * b.stride + k * panel_columns;
    panel.step = panel_columns;
    panel.panel = panel_columns * b.stride;
    return panel;
  }
  panel.vectors = PanelVectors(left, block.groups[block.count - 1].rows, block.layout);
  const std::size_t width = panel.vectors * product_lanes;
  panel.columns = std::min(width, left);
  panel.data = to;
  panel.step = width;
  panel.panel = panel.scratch_panel();
  if (product.b_as == As::transposed) {
    PackTransposed(to, width, b.data + j * b.stride + k, b.stride, panel.columns, depth);
  } else if (!panel.whole()) {
    PackStored(to, width, b.data + k * b.stride + j, b.stride, panel.columns, depth);
  } else {
    panel.data = b.data + k * b.stride + j;
    panel.step = b.stride;
    panel.panel = width;
    if (panel.vectors == tile_vectors && block.count >= packing_groups_min && !ReadsInPlace(depth, b.stride))
      panel.packed = to;
  }
  return panel;
}

/// Cuts columns [j, ...), packed_columns_max of them or what is left, into runs of panels; returns how many runs.
inline std::size_t TakePanels(const Product& product, const BlockOfA& block, std::size_t j, std::size_t k,
                              std::size_t depth, float* scratch, PanelsOfB (&runs)[panel_vectors_sum]) {
  std::size_t count = 0, vectors = 0;
  while (vectors < panel_vectors_sum && j < product.out.columns) {
    const PanelsOfB next = TakePanel(product, block, j, k, depth, scratch + vectors * product_lanes * product_block);
    j += next.columns;
    vectors += next.vectors;
    if (count > 0 && runs[count - 1].goes_on_with(next)) {
      ++runs[count - 1].count;
    } else {
      runs[count++] = next;
    }
  }
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();
#endif

#endif
