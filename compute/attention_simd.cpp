// Attention with vectors. Same bits as compute/attention.cpp.
//
// A head of T positions takes 4 T^2 D flops forward and 10 T^2 D backward, half of them masked: a product of these and
// the exponentials a second time, so that nothing of T^2 floats is written to memory and read from it. Operands are
// packed once a head (compute/attention_pack-inl.hpp); then 16 positions at a time go through scores, softmax and sums,
// their rows in the first caches (compute/attention_passes-inl.hpp).
//
// Forward and backward of all layers against keeping the probabilities, ms of a busy machine (medians of alternating
// runs; AVX-512, then AVX2): gpt2 41.3 for 44.2 and 68.1 for 64.6, char 10.2 for 10.5 and 17.1 for 16.1, 6 layers of 12
// heads of 64 at T = 1,024 280 for 327 and 517 for 496. Where everything fits the caches the product and the
// exponentials are not paid back: tiny 0.36 for 0.32 and 0.70 for 0.62.
//
// Documents are worked on one by one, each as a row of its own. Six heads of 64 channels, T = 256, AVX-512, forward
// and backward, same machine: 1.80 ms without borders, 0.86 with documents of 33 tokens on average, 0.57 of 8, 0.95 of
// 1, where packing costs. Four heads of 16 channels, T = 128: 0.086, 0.048 with 8, 0.108 of 1.

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
#include "compute/attention_passes-inl.hpp"
#include "compute/attention_scratch.hpp"
#include "compute/documents.hpp"
#include "compute/product.hpp"
#include "compute/profile.hpp"

HWY_BEFORE_NAMESPACE();
namespace compute {
namespace HWY_NAMESPACE {

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

void AttentionForward(float* out, float* statistics, const float* qkv, const AttentionShape& shape,
                      const AttentionScratch& scratch, const std::uint32_t* first) {
  const float scale = attention_scale(shape);
  ForEachHead(shape, first, [&](const AttentionHead& head, const auto& for_each_document) HWY_ATTR {
    ForwardHead(out, statistics, qkv, head, scale, scratch, for_each_document);
  });
}

void AttentionBackward(float* dqkv, const float* dout, const float* qkv, const float* statistics,
                       const AttentionShape& shape, const AttentionScratch& scratch, const std::uint32_t* first) {
  const float scale = attention_scale(shape);
  ForEachHead(shape, first, [&](const AttentionHead& head, const auto& for_each_document) HWY_ATTR {
    BackwardHead(dqkv, dout, qkv, statistics, head, scale, scratch, for_each_document);
  });
}

void AttentionForwardRows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                          std::size_t last, const AttentionScratch& scratch) {
  const float scale = attention_scale(shape);
  HWY_ALIGN float maxima[virtual_lanes], factors[virtual_lanes];  // nobody reads them
  for (std::size_t h = 0; h < shape.H; ++h) {
    const AttentionHead head(shape, 0, h);
    const PositionPanels keys(scratch.positions(0), head.D);
    const ChannelPanels values(scratch.channels(0), last, head.D);
    if (head.first_of_group) {
      PackPositions(scratch.positions(0), head.part(qkv, 1, 0, last));
      PackChannels(scratch.channels(0), head.part(qkv, 2, 0, last));
    }
    for (std::size_t t = first, next; t < last; t = next) {
      next = EndOfBlock(t, virtual_lanes, last);
      ForwardRows(out, maxima, factors, qkv, keys, values, head, scale, 0, t, next, last, scratch);
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

/// Flops of `products` causal products over all heads, and bytes of qkv and out.
TimedOperation timed_attention(const char* name, const AttentionShape& shape, double products, double rows_moved) {
  const double B = static_cast<double>(shape.B), T = static_cast<double>(shape.T), C = static_cast<double>(shape.C);
  return {{name, shape.T, shape.C / shape.H, shape.H}, products * B * T * T * C, 4 * B * T * C * rows_moved};
}

}  // namespace

std::size_t attention_scratch_floats(const AttentionShape& shape) noexcept {
  const std::size_t all = AttentionScratch::floats(shape);
  return all - std::min(all, product_scratch_floats);
}

void attention_forward(float* out, float* statistics, const float* qkv, const AttentionShape& shape, float* scratch,
                       const std::uint32_t* first) noexcept {
  check(shape);
  const TimedOperation timed = timed_attention("attention forward", shape, 2, 4);
  HWY_DYNAMIC_DISPATCH(AttentionForward)(out, statistics, qkv, shape, AttentionScratch(scratch, shape), first);
}

void attention_forward_rows(float* out, const float* qkv, const AttentionShape& shape, std::size_t first,
                            std::size_t last, float* scratch) noexcept {
  check(shape);
  assert(shape.B == 1 && last <= shape.T);
  HWY_DYNAMIC_DISPATCH(AttentionForwardRows)(out, qkv, shape, first, last, AttentionScratch(scratch, shape));
}

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* statistics,
                        const AttentionShape& shape, float* scratch, const std::uint32_t* first) noexcept {
  check(shape);
  const TimedOperation timed = timed_attention("attention backward", shape, 5, 7);
  HWY_DYNAMIC_DISPATCH(AttentionBackward)(dqkv, dout, qkv, statistics, shape, AttentionScratch(scratch, shape), first);
}

}  // namespace compute

#endif
