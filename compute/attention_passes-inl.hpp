// Attention's two passes over a head: 16 positions at a time go through scores, softmax and sums, and backward some
// sixteens together through what they give to the keys. For compute/attention_simd.cpp only, once per target.

#if defined(ICOSA_COMPUTE_ATTENTION_PASSES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ICOSA_COMPUTE_ATTENTION_PASSES_INL
#undef ICOSA_COMPUTE_ATTENTION_PASSES_INL
#else
#define ICOSA_COMPUTE_ATTENTION_PASSES_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "compute/attention_finish-inl.hpp"
#include "compute/attention_head.hpp"
#include "compute/attention_pack-inl.hpp"
#include "compute/attention_rows-inl.hpp"
#include "compute/attention_scores-inl.hpp"
#include "compute/attention_scratch.hpp"
#include "compute/attention_sums-inl.hpp"
#include "compute/exp.hpp"
#include "compute/product.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Positions [first, last) of one 16, of the document that begins at `begin`, their rows in `row` and up.
inline RowGroup16 GroupOf(std::size_t begin, std::size_t first, std::size_t last, std::size_t row,
                          const AttentionScratch& scratch) {
  const std::size_t panel = begin / virtual_lanes, at = row * scratch.rows_stride();
  return {first,
          last - first,
          panel,
          (last - 1) / virtual_lanes + 1 - panel,
          begin % virtual_lanes,
          scratch.probabilities() + at,
          scratch.gradients() + at,
          scratch.rows_stride(),
          scratch.lanes()};
}

/// The products of a group's rows with the positions that they see; finish_of(i): what becomes of those of rows from i
/// on.
template <class FinishOf>
HWY_INLINE void Scores(const RowGroup16& group, const ConstMatrix& rows, const PositionPanels& keys,
                       const FinishOf& finish_of) {
  ForEachTile(0, group.rows, score_rows_max, [&](std::size_t i, std::size_t count) HWY_ATTR {
    const auto finish = finish_of(i);
    score_functions<std::decay_t<decltype(finish)>>[count - 1](
        {rows.data + i * rows.stride, rows.stride, keys.panel(group.panel), keys.channels, group.panels, group.seen(i),
         group.hidden},
        finish);
  });
}

inline constexpr std::size_t page_floats = 4096 / sizeof(float);

/// Positions [first, last) of one document: their rows of the output, and their statistics. Others up to `rows_end`
/// will follow.
inline void ForwardRows(float* out, float* maxima, float* factors, const float* qkv, const PositionPanels& keys,
                        const ChannelPanels& values, const AttentionHead& head, float scale, std::size_t begin,
                        std::size_t first, std::size_t last, std::size_t rows_end, const AttentionScratch& scratch) {
  const RowGroup16 group = GroupOf(begin, first, last, 0, scratch);
  if (head.stride >= page_floats) {  // each row in a page of its own, where no machine looks ahead: 15 % at C = 768
    const std::size_t rows_next = std::min(virtual_lanes, rows_end - last);
    PrefetchRows(head.part(qkv, 0, last, rows_next));
    PrefetchRows(head.output(static_cast<const float*>(out), last, rows_next));
  }
  std::fill_n(group.lanes, group.rows * virtual_lanes, -exp_constants::infinity);
  Scores(group, head.part(qkv, 0, first, group.rows), keys, [&](std::size_t i) HWY_ATTR {
    return ScaleScores{group.probabilities + i * group.stride, group.stride, group.lanes + i * virtual_lanes, scale};
  });
  Softmax(group, maxima, factors);
  SumOverKeys(head.output(out, first, group.rows), group.probabilities - group.key(), group.stride, values, begin,
              first);
}

/// What the backward pass of a head reads, packed.
struct PackedHead {
  PositionPanels keys, values;
  ChannelPanels keys_along_channels, queries, gradients;
};

/// Positions of `group`, of one document: their probabilities and score gradients, and their rows of dq.
inline void BackwardRows(float* dqkv, const float* dout, const float* qkv, const float* statistics,
                         const PackedHead& packed, const AttentionHead& head, float scale, std::size_t begin,
                         const RowGroup16& group) {
  const float *maxima = head.maxima(statistics) + group.first, *factors = head.factors(statistics) + group.first;
  Scores(group, head.part(qkv, 0, group.first, group.rows), packed.keys, [&](std::size_t i) HWY_ATTR {
    return ProbabilitiesAgain{group.probabilities + i * group.stride, group.stride, maxima + i, factors + i, scale};
  });
  std::fill_n(group.lanes, group.rows * virtual_lanes, 0.0f);
  Scores(group, head.output(dout, group.first, group.rows), packed.values, [&](std::size_t i) HWY_ATTR {
    return AddToDelta{group.gradients + i * group.stride, group.probabilities + i * group.stride, group.stride,
                      group.lanes + i * virtual_lanes};
  });
  ScoreGradients(group, scale);
  SumOverKeys(head.part(dqkv, 0, group.first, group.rows), group.gradients - group.key(), group.stride,
              packed.keys_along_channels, begin, group.first);
}

/// One head of one sequence; for_each_document(visit) calls visit(begin, end). Heads that share keys and values come
/// one after the other, and the first packs these for all.
template <class ForEachDocument>
HWY_INLINE void ForwardHead(float* out, float* statistics, const float* qkv, const AttentionHead& head, float scale,
                            const AttentionScratch& scratch, const ForEachDocument& for_each_document) {
  const std::size_t T = head.T;
  const PositionPanels keys(scratch.positions(0), head.D);
  const ChannelPanels values(scratch.channels(0), T, head.D);
  if (head.first_of_group) {
    PackPositions(scratch.positions(0), head.part(qkv, 1, 0, T));
    PackChannels(scratch.channels(0), head.part(qkv, 2, 0, T));
  }
  for_each_document([&](std::size_t begin, std::size_t end) HWY_ATTR {
    for (std::size_t t = begin, next; t < end; t = next) {
      next = EndOfBlock(t, virtual_lanes, end);
      ForwardRows(out, head.maxima(statistics) + t, head.factors(statistics) + t, qkv, keys, values, head, scale, begin,
                  t, next, T, scratch);
    }
  });
}

/// The same backward. Some positions at a time: their probabilities and score gradients, then what these give to the
/// keys.
template <class ForEachDocument>
HWY_INLINE void BackwardHead(float* dqkv, const float* dout, const float* qkv, const float* statistics,
                             const AttentionHead& head, float scale, const AttentionScratch& scratch,
                             const ForEachDocument& for_each_document) {
  const std::size_t T = head.T;
  const auto along_positions = [&](std::size_t index)
                                   HWY_ATTR { return PositionPanels(scratch.positions(index), head.D); };
  const auto along_channels = [&](std::size_t index)
                                  HWY_ATTR { return ChannelPanels(scratch.channels(index), T, head.D); };
  const PackedHead packed{along_positions(0), along_positions(1), along_channels(0), along_channels(1),
                          along_channels(2)};
  if (head.first_of_group) {
    PackPositions(scratch.positions(0), head.part(qkv, 1, 0, T));
    PackPositions(scratch.positions(1), head.part(qkv, 2, 0, T));
    PackChannels(scratch.channels(0), head.part(qkv, 1, 0, T));
  }
  PackChannels(scratch.channels(1), head.part(qkv, 0, 0, T));
  PackChannels(scratch.channels(2), head.output(dout, 0, T));
  const std::size_t chain_rows = scratch.chain_rows(), stride = scratch.rows_stride();
  for_each_document([&](std::size_t begin, std::size_t end) HWY_ATTR {
    const std::size_t key = begin / virtual_lanes * virtual_lanes;
    for (std::size_t first = begin, last; first < end; first = last) {
      last = EndOfBlock(first, chain_rows, end);
      for (std::size_t t = first, next; t < last; t = next) {
        next = EndOfBlock(t, virtual_lanes, last);
        BackwardRows(dqkv, dout, qkv, statistics, packed, head, scale, begin,
                     GroupOf(begin, t, next, t - first, scratch));
      }
      const std::size_t block = std::max(begin, first / product_block * product_block);
      const ChainPart part{begin, block, first, last, last == EndOfBlock(first, product_block, end)};
      AddToKeys(head.part(dqkv, 1, 0, T), scratch.channels(3), scratch.gradients() - key, stride, packed.queries,
                head.first_of_group, part);
      AddToKeys(head.part(dqkv, 2, 0, T), scratch.channels(4), scratch.probabilities() - key, stride, packed.gradients,
                head.first_of_group, part);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#endif
