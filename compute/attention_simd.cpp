// Attention with vectors. Same bits as compute/attention.cpp.
//
// A head of T positions takes 4 T^2 D flops forward and 8 T^2 D backward, half of them masked. Its operands are packed
// once (compute/attention_pack-inl.hpp); then 16 positions at a time go through scores, softmax and sums, their rows in
// the first cache (compute/attention_scores-inl.hpp, _rows-inl.hpp, _sums-inl.hpp).
//
// Documents are worked on one by one, each as a row of its own. Six heads of 64 channels, T = 256, AVX-512, forward
// and backward: 1.42 ms without borders, 0.71 ms with documents of 33 tokens on average, 0.80 of 8, 0.84 of 1, where
// packing and the zeros of the probabilities cost. Four heads of 16 channels, T = 128: 0.069, 0.045 with 8, 0.088 of 1.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "compute/attention_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "compute/attention.hpp"
#include "compute/attention_head.hpp"
#include "compute/attention_pack-inl.hpp"
#include "compute/attention_rows-inl.hpp"
#include "compute/attention_scores-inl.hpp"
#include "compute/attention_scratch.hpp"
#include "compute/attention_sums-inl.hpp"
#include "compute/documents.hpp"
#include "compute/product.hpp"
#include "compute/profile.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

/// Positions [first, last) of one 16, of the document that begins at `begin`.
inline RowGroup16 GroupOf(std::size_t begin, std::size_t first, std::size_t last, float* scores,
                          const AttentionScratch& scratch) {
  const std::size_t panel = begin / virtual_lanes;
  return {first,  last - first,         panel,         (last - 1) / virtual_lanes + 1 - panel, begin % virtual_lanes,
          scores, scratch.rows_stride(), scratch.lanes(), scratch.T()};
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

/// Positions [first, last) of one document: their probabilities, T floats a row, and their rows of the output.
inline void ForwardRows(float* out, float* probabilities, const float* qkv, const PositionPanels& keys,
                        const ChannelPanels& values, const AttentionHead& head, float scale, std::size_t begin,
                        std::size_t first, std::size_t last, const AttentionScratch& scratch) {
  const RowGroup16 group = GroupOf(begin, first, last, scratch.rows(), scratch);
  std::fill_n(group.lanes, group.rows * virtual_lanes, -exp_constants::infinity);
  Scores(group, head.part(qkv, 0, first, group.rows), keys, [&](std::size_t i) HWY_ATTR {
    return ScaleScores{group.scores + i * group.stride, group.stride, group.lanes + i * virtual_lanes, scale};
  });
  Softmax(group, probabilities);
  SumOverKeys(head.output(out, first, group.rows), probabilities, head.T, values, begin, first);
}

/// Positions [first, last) of one document: their score gradients (kept at `rows`, from the
/// document's first panel on) and their rows of dq.
inline void BackwardRows(float* dqkv, float* rows, const float* dout, const float* probabilities,
                         const PositionPanels& values, const ChannelPanels& keys, const AttentionHead& head,
                         float scale, std::size_t begin, std::size_t first, std::size_t last,
                         const AttentionScratch& scratch) {
  const RowGroup16 group = GroupOf(begin, first, last, rows, scratch);
  const float* p = head.square(probabilities) + first * head.T;
  std::fill_n(group.lanes, group.rows * virtual_lanes, 0.0f);
  Scores(group, head.output(dout, first, group.rows), values, [&](std::size_t i) HWY_ATTR {
    return AddToDelta{group.scores + i * group.stride, group.stride, group.lanes + i * virtual_lanes,
                      p + i * head.T + group.key(),    head.T,       head.T - group.key()};
  });
  ScoreGradients(group, p, scale);
  SumOverKeys(head.part(dqkv, 0, first, group.rows), rows - group.key(), group.stride, keys, begin, first);
}

/// One head of one sequence; for_each_document(visit) calls visit(begin, end). Heads that share keys and values come
/// one after the other, and the first packs these for all.
template <class ForEachDocument>
HWY_INLINE void ForwardHead(float* out, float* probabilities, const float* qkv, const AttentionHead& head, float scale,
                            const AttentionScratch& scratch, const ForEachDocument& for_each_document) {
  const std::size_t T = head.T;
  const PositionPanels keys(scratch.positions(), head.D);
  const ChannelPanels values(scratch.channels(0), T, head.D);
  if (head.first_of_group) {
    PackPositions(scratch.positions(), head.part(qkv, 1, 0, T));
    PackChannels(scratch.channels(0), head.part(qkv, 2, 0, T));
  }
  float* square = head.square(probabilities);
  for_each_document([&](std::size_t begin, std::size_t end) HWY_ATTR {
    for (std::size_t t = begin, next; t < end; t = next) {
      next = EndOfBlock(t, virtual_lanes, end);
      ForwardRows(out, square + t * T, qkv, keys, values, head, scale, begin, t, next, scratch);
    }
  });
}

/// The same backward.
template <class ForEachDocument>
HWY_INLINE void BackwardHead(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                             const AttentionHead& head, float scale, const AttentionScratch& scratch,
                             const ForEachDocument& for_each_document) {
  const std::size_t T = head.T;
  const PositionPanels values(scratch.positions(), head.D);
  const ChannelPanels keys(scratch.channels(0), T, head.D), queries(scratch.channels(1), T, head.D),
      gradients(scratch.channels(2), T, head.D);
  if (head.first_of_group) {
    PackPositions(scratch.positions(), head.part(qkv, 2, 0, T));
    PackChannels(scratch.channels(0), head.part(qkv, 1, 0, T));
  }
  PackChannels(scratch.channels(1), head.part(qkv, 0, 0, T));
  PackChannels(scratch.channels(2), head.output(dout, 0, T));
  for_each_document([&](std::size_t begin, std::size_t end) HWY_ATTR {
    const std::size_t key = begin / virtual_lanes * virtual_lanes;
    for (std::size_t first = begin, last; first < end; first = last) {
      last = EndOfBlock(first, product_block, end);
      for (std::size_t t = first, next; t < last; t = next) {
        next = EndOfBlock(t, virtual_lanes, last);
        BackwardRows(dqkv, scratch.rows() + (t - first) * scratch.rows_stride(), dout, probabilities, values, keys,
                     head, scale, begin, t, next, scratch);
      }
      AddToKeys(head.part(dqkv, 1, 0, T), scratch.rows() - key, scratch.rows_stride(), queries, head.first_of_group,
                begin, first, last);
      AddToKeys(head.part(dqkv, 2, 0, T), head.square(probabilities) + first * T, T, gradients, head.first_of_group,
                begin, first, last);
    }
  });
}

/// Calls visit(head, for_each_document) for each head of each sequence; for_each_document(visit) calls
/// visit(begin, end).
template <class Visit>
HWY_INLINE void ForEachHead(const AttentionShape& shape, const std::uint32_t* first, const Visit& visit) {
  for (std::size_t b = 0; b < shape.B; ++b) {
    const std::uint32_t* firsts = first == nullptr ? nullptr : first + b * shape.T;
    for (std::size_t h = 0; h < shape.H; ++h) {
      visit(AttentionHead(shape, b, h), [&](const auto& visit_document) HWY_ATTR {
        for (std::size_t begin = 0, end; begin < shape.T; begin = end) {
          end = document_end(firsts, begin, shape.T);
          visit_document(begin, end);
        }
      });
    }
  }
}

void AttentionForward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape,
                      const AttentionScratch& scratch, const std::uint32_t* first) {
  const float scale = attention_scale(shape);
  ForEachHead(shape, first, [&](const AttentionHead& head, const auto& for_each_document) HWY_ATTR {
    ForwardHead(out, probabilities, qkv, head, scale, scratch, for_each_document);
  });
}

void AttentionBackward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                       const AttentionShape& shape, const AttentionScratch& scratch, const std::uint32_t* first) {
  const float scale = attention_scale(shape);
  ForEachHead(shape, first, [&](const AttentionHead& head, const auto& for_each_document) HWY_ATTR {
    BackwardHead(dqkv, dout, qkv, probabilities, head, scale, scratch, for_each_document);
  });
}

void AttentionForwardRows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                          std::size_t last, const AttentionScratch& scratch) {
  const float scale = attention_scale(shape);
  for (std::size_t h = 0; h < shape.H; ++h) {
    const AttentionHead head(shape, 0, h);
    const PositionPanels keys(scratch.positions(), head.D);
    const ChannelPanels values(scratch.channels(0), last, head.D);
    if (head.first_of_group) {
      PackPositions(scratch.positions(), head.part(qkv, 1, 0, last));
      PackChannels(scratch.channels(0), head.part(qkv, 2, 0, last));
    }
    for (std::size_t t = first, next; t < last; t = next) {
      next = EndOfBlock(t, virtual_lanes, last);
      ForwardRows(out, scratch.channels(1), qkv, keys, values, head, scale, 0, t, next, scratch);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace compute
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace compute {

HWY_EXPORT(AttentionForward);
HWY_EXPORT(AttentionBackward);
HWY_EXPORT(AttentionForwardRows);

namespace {

void check(const AttentionShape& shape) {
  assert(shape.H > 0 && shape.C % shape.H == 0 && (shape.kv_heads == 0 || shape.H % shape.kv_heads == 0));
  (void)shape;
}

/// Flops of `products` causal products over all heads, and bytes of qkv, out and the kept half of the probabilities.
TimedOperation timed_attention(const char* name, const AttentionShape& shape, double products, double rows_moved) {
  const double B = static_cast<double>(shape.B), T = static_cast<double>(shape.T), C = static_cast<double>(shape.C);
  const double probabilities = B * static_cast<double>(shape.H) * T * T / 2;
  return {{name, shape.T, shape.C / shape.H, shape.H},
          products * B * T * T * C,
          4 * (B * T * C * rows_moved + probabilities)};
}

}  // namespace

std::size_t attention_scratch_floats(const AttentionShape& shape) noexcept {
  const std::size_t all = AttentionScratch::floats(shape);
  return all - std::min(all, product_scratch_floats);
}

void attention_forward(float* out, float* probabilities, const float* qkv, const AttentionShape& shape, float* scratch,
                       const std::uint32_t* first) noexcept {
  check(shape);
  const TimedOperation timed = timed_attention("attention forward", shape, 2, 4);
  HWY_DYNAMIC_DISPATCH(AttentionForward)(out, probabilities, qkv, shape, AttentionScratch(scratch, shape), first);
}

void attention_forward_rows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                            std::size_t last, float* scratch) noexcept {
  check(shape);
  assert(shape.B == 1 && last <= shape.T);
  HWY_DYNAMIC_DISPATCH(AttentionForwardRows)(out, qkv, shape, first, last, AttentionScratch(scratch, shape));
}

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* probabilities,
                        const AttentionShape& shape, float* scratch, const std::uint32_t* first) noexcept {
  check(shape);
  const TimedOperation timed = timed_attention("attention backward", shape, 4, 7);
  HWY_DYNAMIC_DISPATCH(AttentionBackward)(dqkv, dout, qkv, probabilities, shape, AttentionScratch(scratch, shape),
                                          first);
}

}  // namespace compute

#endif
