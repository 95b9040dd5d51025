#pragma once

// Matrix products, the bulk of a training step. Every element is one chain of fused multiply-adds over k, cut into
// blocks of `product_block`; the blocks' sums are added in order. Vector lanes run along the columns of the result, so
// the bits of an element depend on nothing but its own row of `a` and column of `b`: not on the tiling, the split of
// rows or columns, the width of the vectors or the thread (docs/arithmetic.md).

#include <cstddef>

#include "compute/matrix.hpp"

namespace compute {

/// Length of one chain of fused multiply-adds; part of the arithmetic's version.
inline constexpr std::size_t product_block = 256;

/// Whether an operand is used as it lies in memory or transposed.
enum class As : bool { stored, transposed };

/// Floats of scratch memory that `multiply` needs for packing, whatever the shape. One scratch per thread.
extern const std::size_t product_scratch_floats;

/// Where a result goes: into the caches, or past them to memory, for large ones that nobody reads soon. Memory then
/// moves each of their lines once instead of twice, and the caches keep what is in use.
enum class Store : bool { cached, streamed };

/// Columns of a result that are finished together: pieces begin at multiples of this.
inline constexpr std::size_t epilogue_columns = 128;

/// A piece of a result, complete and still in the caches.
struct ResultPiece {
  std::size_t first_row, rows;
  std::size_t first_column, columns;  ///< epilogue_columns of them, fewer at the end
};

/// What is done with each piece of a result as soon as it stands. It may read and change the piece in place. The pieces
/// cover the result, each once, on the thread that multiplies; what stands elsewhere in it is not final yet.
class ForEachPiece {
 public:
  ForEachPiece() noexcept = default;
  /// Calls `function(ResultPiece)`, which outlives the product and throws nothing.
  template <class F>
  ForEachPiece(const F& function) noexcept
      : function_(&function),
        call_([](const void* called, const ResultPiece& piece) noexcept { (*static_cast<const F*>(called))(piece); }) {}

  explicit operator bool() const noexcept { return call_ != nullptr; }
  void operator()(const ResultPiece& piece) const noexcept { call_(function_, piece); }

 private:
  const void* function_ = nullptr;
  void (*call_)(const void* function, const ResultPiece& piece) noexcept = nullptr;
};

/// What follows a product while its result is in registers or caches.
struct Epilogue {
  ConstMatrix residual = {};   ///< (M, N), added to each element after the bias; without data: nothing is
  ForEachPiece for_each = {};  ///< then called
};

/// out = op(a) op(b) + bias.
///   out: (M, N); op(a): (M, K); op(b): (K, N); f32. out overlaps neither operand.
///   bias: N floats, added to each row after the product's last block, or nullptr.
///   With K == 0 the product is +0. Never fails, allocates nothing.
///   element = fma chain from +0 over k in [0, 256), plus the chain of [256, 512), ... in order; then plus bias.
///   scratch: product_scratch_floats floats of any alignment and content.
///   epilogue: its residual does not overlap out.
///   A machine without fused multiply-adds runs the plain form.
void multiply(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, const float* bias, float* scratch,
              Store store = Store::cached, const Epilogue& epilogue = {}) noexcept;

/// out = out + op(a) op(b): the chain of each block of k is added to what is there, in order. A product may so be
/// taken in pieces: cut K at multiples of `product_block`, `multiply` the first piece and `multiply_add` the others in
/// order, and the bits are those of one product over the whole K. With K == 0 nothing happens.
///   b_steps_behind: so many more steps of k of the same matrix lie behind b; the first of them are fetched meanwhile.
void multiply_add(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, float* scratch,
                  std::size_t b_steps_behind = 0) noexcept;

/// A right operand packed for many products with it, panel after panel of columns, each as the kernel reads it: element
/// (k, j) is data[(j / width) * panel_steps * width + k * width + j % width], width = packed_panel_columns().
struct PackedMatrix {
  const float* data;  ///< packed_floats(K, N) of them, 64-byte aligned
  std::size_t K, N;
  std::size_t panel_steps = K;    ///< steps of k of a panel: more than K in a part of a matrix
  std::size_t steps_behind = 0;   ///< of those, how many lie behind this part; they are fetched while it is multiplied
  std::size_t floats_behind = 0;  ///< behind the whole matrix, that the next product reads: fetched likewise

  /// Steps [first, first + count) of k.
  PackedMatrix steps(std::size_t first, std::size_t count) const noexcept;
};

/// Columns of a panel: what suits this machine's vectors. What is packed is for memory, not for files.
std::size_t packed_panel_columns() noexcept;

inline PackedMatrix PackedMatrix::steps(std::size_t first, std::size_t count) const noexcept {
  return {data + first * packed_panel_columns(), count, N, panel_steps, K - first - count};
}

inline std::size_t packed_panels_count(std::size_t N) noexcept {
  return (N + packed_panel_columns() - 1) / packed_panel_columns();
}
inline std::size_t packed_floats(std::size_t K, std::size_t N) noexcept {
  return packed_panels_count(N) * packed_panel_columns() * K;
}

/// Packs rows [first, last) of the matrix b, as it is stored, to where op(b), (K, N), has them in `to`: steps of k of
/// all panels, or with As::transposed whole panels. Different rows may be packed by different threads. Columns behind
/// the last one are +0.
///   Requires of a transposed b that `first` is a multiple of packed_panel_columns(), and `last` too or b.rows.
void pack(float* to, ConstMatrix b, As b_as, std::size_t first, std::size_t last, Store store = Store::cached) noexcept;

/// out = op(a) b + bias: the bits of `multiply` with the matrix that was packed.
void multiply(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, const float* bias, float* scratch,
              const Epilogue& epilogue = {}) noexcept;
/// out = out + op(a) b: the bits of `multiply_add` with the matrix that was packed.
void multiply_add(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, float* scratch) noexcept;

namespace plain {
/// The definitions: three loops and `std::fma`. Same arguments and bits as above; need no scratch.
void multiply(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as, const float* bias) noexcept;
void multiply_add(Matrix out, ConstMatrix a, As a_as, ConstMatrix b, As b_as) noexcept;
/// Panels of `width` columns.
void pack(float* to, ConstMatrix b, As b_as, std::size_t first, std::size_t last, std::size_t width) noexcept;
void multiply(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, std::size_t width, const float* bias) noexcept;
void multiply_add(Matrix out, ConstMatrix a, As a_as, const PackedMatrix& b, std::size_t width) noexcept;
}  // namespace plain

}  // namespace compute
