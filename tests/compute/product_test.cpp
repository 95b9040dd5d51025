#include "compute/product.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "compute/cpu.hpp"
#include "tests/compute/guarded.hpp"
#include "tests/compute/targets.hpp"

namespace tests {

using compute::As;
using compute::ConstMatrix;
using compute::Matrix;

namespace {

struct Shape {
  std::size_t M, N, K;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << shape.M << " x " << shape.N << " x " << shape.K;
}

/// Two operands, a bias and a result under every combination of transpositions; odd strides and alignments.
struct Operands {
  Operands(const Shape& s, As a_as_, As b_as_, std::size_t padding, std::size_t shift, std::uint32_t seed)
      : a_as(a_as_),
        b_as(b_as_),
        a(a_as == As::stored ? s.M : s.K, a_as == As::stored ? s.K : s.M, padding, shift),
        b(b_as == As::stored ? s.K : s.N, b_as == As::stored ? s.N : s.K, padding, shift),
        out(s.M, s.N, padding, shift + 1),
        bias(1, s.N, 0, shift),
        scratch(compute::product_scratch_floats + shift) {
    a.fill(seed);
    b.fill(seed + 1);
    bias.fill(seed + 2);
    out.fill(seed + 3);
    std::fill(scratch.begin(), scratch.end(), std::bit_cast<float>(0x7fc00001U));
  }

  const float* bias_data() const { return bias.view().data; }

  As a_as, b_as;
  GuardedMatrix a, b, out, bias;
  std::vector<float> scratch;
};

const std::vector<As> both = {As::stored, As::transposed};

/// Checks multiply with and without bias, and multiply_add, against the plain form, guards included.
bool equals_the_definition(const Shape& shape, As a_as, As b_as, std::size_t padding, std::size_t shift,
                           std::uint32_t seed) {
  Operands o(shape, a_as, b_as, padding, shift, seed);
  GuardedMatrix expected = o.out;
  bool equal = true;
  const auto check = [&](const auto& definition, const auto& kernel) {
    expected = o.out;
    definition();
    for_each_target([&] {
      GuardedMatrix before = o.out;
      kernel();
      equal = equal && same_bits(o.out.floats(), expected.floats());
      o.out = before;
    });
  };
  float* scratch = o.scratch.data() + shift;
  for (const float* bias : {static_cast<const float*>(nullptr), o.bias_data()}) {
    check([&] { compute::plain::multiply(expected.view(), o.a.view(), a_as, o.b.view(), b_as, bias); },
          [&] { compute::multiply(o.out.view(), o.a.view(), a_as, o.b.view(), b_as, bias, scratch); });
  }
  check([&] { compute::plain::multiply_add(expected.view(), o.a.view(), a_as, o.b.view(), b_as); },
        [&] { compute::multiply_add(o.out.view(), o.a.view(), a_as, o.b.view(), b_as, scratch); });
  return equal;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(product)

/// The last ones are on both sides of what is read where it lies, or have all steps in one set of the first cache.
const std::vector<Shape> shapes = {{1, 1, 1},     {1, 1, 0},     {3, 5, 0},     {1, 17, 3},    {2, 130, 40},
                                   {5, 33, 256},  {7, 15, 257},  {8, 200, 300}, {14, 32, 512}, {15, 31, 64},
                                   {28, 64, 64},  {29, 65, 255}, {43, 97, 100}, {64, 16, 129}, {65, 300, 70},
                                   {128, 64, 64}, {256, 48, 33}, {257, 40, 9},  {300, 33, 20}, {530, 3, 7},
                                   {6, 257, 768}, {13, 1, 513},  {1, 700, 260}, {31, 257, 40}, {25, 512, 39},
                                   {25, 530, 39}, {23, 160, 64}, {23, 160, 65}, {1021, 40, 70}};

BOOST_DATA_TEST_CASE(vectors_have_the_bits_of_the_definition, boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  for (const As a_as : both) {
    for (const As b_as : both) {
      BOOST_TEST(equals_the_definition(shape, a_as, b_as, 0, 0, 1));
      BOOST_TEST(equals_the_definition(shape, a_as, b_as, 3, 5, 2));
    }
  }
}

BOOST_AUTO_TEST_CASE(any_shape_stride_and_alignment_gives_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  BOOST_TEST(rc::check([] {
    const auto size = [](int most) { return static_cast<std::size_t>(*rc::gen::inRange(0, most)); };
    const Shape shape{1 + size(90), 1 + size(90), size(300)};
    RC_ASSERT(equals_the_definition(shape, *rc::gen::elementOf(both), *rc::gen::elementOf(both), size(9), size(17),
                                    *rc::gen::arbitrary<std::uint32_t>()));
  }));
}

BOOST_AUTO_TEST_CASE(any_split_of_rows_and_columns_gives_the_same_bits) {
  compute::set_floating_point_mode();
  const Shape shape{70, 150, 300};
  for (const As a_as : both) {
    for (const As b_as : both) {
      Operands o(shape, a_as, b_as, 1, 0, 7);
      GuardedMatrix pieces = o.out;
      const ConstMatrix a = o.a.view(), b = o.b.view();
      for_each_target([&] {
        compute::multiply(o.out.view(), a, a_as, b, b_as, o.bias_data(), o.scratch.data());
        for (const std::size_t row_cut : {1, 9, 35, 69}) {
          for (const std::size_t column_cut : {1, 16, 77, 149}) {
            pieces.fill(8);
            for (const auto& [i, rows] : {std::pair{std::size_t{0}, row_cut}, {row_cut, shape.M - row_cut}}) {
              for (const auto& [j, columns] :
                   {std::pair{std::size_t{0}, column_cut}, {column_cut, shape.N - column_cut}}) {
                const ConstMatrix a_piece = a_as == As::stored
                                                ? ConstMatrix{a.data + i * a.stride, rows, shape.K, a.stride}
                                                : ConstMatrix{a.data + i, shape.K, rows, a.stride};
                const ConstMatrix b_piece = b_as == As::stored
                                                ? ConstMatrix{b.data + j, shape.K, columns, b.stride}
                                                : ConstMatrix{b.data + j * b.stride, columns, shape.K, b.stride};
                const Matrix whole = pieces.view();
                const Matrix piece{whole.data + i * whole.stride + j, rows, columns, whole.stride};
                compute::multiply(piece, a_piece, a_as, b_piece, b_as, o.bias_data() + j, o.scratch.data());
              }
            }
            BOOST_TEST(same_bits(pieces.floats(), o.out.floats()), "cut at " << row_cut << ", " << column_cut);
          }
        }
      });
    }
  }
}

/// A packed b in the middle of memory that nobody may write to.
struct Packed {
  Packed(const Shape& shape, ConstMatrix b, As b_as)
      : N(shape.N), K(shape.K), floats(1, compute::packed_floats(K, N) + line, 0, 0) {
    floats.fill(9);
    compute::pack(data(), b, b_as, 0, b.rows);
  }
  compute::PackedMatrix matrix() { return {data(), K, N}; }
  float* data() {
    float* const first = floats.view().data;
    return first + (line - reinterpret_cast<std::uintptr_t>(first) / sizeof(float) % line) % line;
  }

  static constexpr std::size_t line = 16;
  std::size_t N, K;
  GuardedMatrix floats;
};

BOOST_DATA_TEST_CASE(a_packed_matrix_is_what_its_definition_says, boost::unit_test::data::make(shapes), shape) {
  for (const As b_as : both) {
    Operands o(shape, As::stored, b_as, 3, 5, 1);
    for_each_target([&] {
      const std::size_t width = compute::packed_panel_columns(), rows = o.b.view().rows;
      Packed packed(shape, o.b.view(), b_as);
      GuardedMatrix expected = packed.floats;
      std::vector<float> definition(compute::packed_floats(shape.K, shape.N));
      compute::plain::pack(definition.data(), o.b.view(), b_as, 0, rows, width);
      std::copy(definition.begin(), definition.end(),
                expected.view().data + (packed.data() - packed.floats.view().data));
      BOOST_TEST(same_bits(packed.floats.floats(), expected.floats()));
      // In parts, as different threads take them.
      for (const compute::Store store : {compute::Store::cached, compute::Store::streamed}) {
        packed.floats.fill(9);
        const std::size_t cut = b_as == As::stored ? rows / 3 : rows / 2 / width * width;
        compute::pack(packed.data(), o.b.view(), b_as, cut, rows, store);
        compute::pack(packed.data(), o.b.view(), b_as, 0, cut, store);
        BOOST_TEST(same_bits(packed.floats.floats(), expected.floats()));
      }
    });
  }
}

BOOST_DATA_TEST_CASE(a_product_with_a_packed_matrix_has_the_bits_of_the_definition,
                     boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  for (const As a_as : both) {
    for (const As b_as : both) {
      Operands o(shape, a_as, b_as, 3, 5, 4);
      for (const float* bias : {static_cast<const float*>(nullptr), o.bias_data()}) {
        GuardedMatrix expected = o.out;
        compute::plain::multiply(expected.view(), o.a.view(), a_as, o.b.view(), b_as, bias);
        for_each_target([&] {
          Packed packed(shape, o.b.view(), b_as);
          GuardedMatrix out = o.out;
          compute::multiply(out.view(), o.a.view(), a_as, packed.matrix(), bias, o.scratch.data());
          BOOST_TEST(same_bits(out.floats(), expected.floats()));
        });
      }
    }
  }
}

/// Shapes that take ways of their own: results wider than the caches, tall ones beside operands with wide strides.
BOOST_DATA_TEST_CASE(large_products_have_the_bits_of_their_pieces,
                     boost::unit_test::data::make(std::vector<Shape>{{256, 1040, 530}, {1100, 64, 300}}), shape) {
  compute::set_floating_point_mode();
  for (const As a_as : both) {
    for (const As b_as : both) {
      Operands o(shape, a_as, b_as, a_as == As::stored ? 1024 : 0, 0, 5);
      const ConstMatrix a = o.a.view(), b = o.b.view();
      GuardedMatrix pieces = o.out;
      for_each_target([&] {
        Packed packed(shape, b, b_as);
        GuardedMatrix with_packed = o.out;
        compute::multiply(o.out.view(), a, a_as, b, b_as, o.bias_data(), o.scratch.data());
        compute::multiply(with_packed.view(), a, a_as, packed.matrix(), o.bias_data(), o.scratch.data());
        constexpr std::size_t piece_rows = 17;
        for (std::size_t i = 0; i < shape.M; i += piece_rows) {
          const std::size_t rows = std::min(piece_rows, shape.M - i);
          const ConstMatrix a_piece = a_as == As::stored ? ConstMatrix{a.data + i * a.stride, rows, shape.K, a.stride}
                                                         : ConstMatrix{a.data + i, shape.K, rows, a.stride};
          const Matrix whole = pieces.view();
          compute::multiply({whole.data + i * whole.stride, rows, shape.N, whole.stride}, a_piece, a_as, b, b_as,
                            o.bias_data(), o.scratch.data());
        }
        BOOST_TEST(same_bits(o.out.floats(), pieces.floats()));
        BOOST_TEST(same_bits(with_packed.floats(), pieces.floats()));
      });
    }
  }
}

BOOST_DATA_TEST_CASE(results_written_past_the_caches_are_the_same, boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  constexpr std::size_t line = 16;
  const std::size_t stride = (shape.N + line - 1) / line * line;
  Operands o(shape, As::transposed, As::stored, 1, 0, 6);
  for_each_target([&] {
    std::vector<float> cached(shape.M * stride + 2 * line, 1.0f), streamed = cached;
    const auto aligned = [&](std::vector<float>& floats) {
      const std::size_t past = reinterpret_cast<std::uintptr_t>(floats.data()) / sizeof(float) % line;
      return Matrix{floats.data() + (line - past) % line, shape.M, shape.N, stride};
    };
    const Matrix a = aligned(cached), b = aligned(streamed);
    compute::multiply(a, o.a.view(), As::transposed, o.b.view(), As::stored, nullptr, o.scratch.data());
    compute::multiply(b, o.a.view(), As::transposed, o.b.view(), As::stored, nullptr, o.scratch.data(),
                      compute::Store::streamed);
    BOOST_TEST(same_bits({a.data, shape.M * stride}, {b.data, shape.M * stride}));
  });
}

BOOST_AUTO_TEST_CASE(a_product_in_pieces_of_k_is_the_whole_product) {
  compute::set_floating_point_mode();
  const Shape shape{20, 40, 700};
  Operands o(shape, As::transposed, As::stored, 0, 0, 11);
  GuardedMatrix pieces = o.out;
  const ConstMatrix a = o.a.view(), b = o.b.view();
  compute::multiply(o.out.view(), a, As::transposed, b, As::stored, nullptr, o.scratch.data());
  const auto rows_of = [](ConstMatrix m, std::size_t first, std::size_t last) {
    return ConstMatrix{m.data + first * m.stride, last - first, m.columns, m.stride};
  };
  compute::multiply(pieces.view(), rows_of(a, 0, 512), As::transposed, rows_of(b, 0, 512), As::stored, nullptr,
                    o.scratch.data());
  compute::multiply_add(pieces.view(), rows_of(a, 512, 700), As::transposed, rows_of(b, 512, 700), As::stored,
                        o.scratch.data());
  BOOST_TEST(same_bits(pieces.floats(), o.out.floats()));
}

BOOST_DATA_TEST_CASE(a_residual_is_added_after_the_bias, boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  Operands o(shape, As::stored, As::stored, 3, 5, 12);
  GuardedMatrix residual(shape.M, shape.N, 2, 1), expected = o.out;
  residual.fill(13);
  compute::plain::multiply(expected.view(), o.a.view(), As::stored, o.b.view(), As::stored, o.bias_data());
  for (std::size_t i = 0; i < shape.M; ++i) {
    for (std::size_t j = 0; j < shape.N; ++j) expected.at(i, j) += residual.at(i, j);
  }
  for_each_target([&] {
    Packed packed(shape, o.b.view(), As::stored);
    GuardedMatrix out = o.out, with_packed = o.out;
    compute::multiply(out.view(), o.a.view(), As::stored, o.b.view(), As::stored, o.bias_data(), o.scratch.data(),
                      compute::Store::cached, {.residual = residual.view()});
    compute::multiply(with_packed.view(), o.a.view(), As::stored, packed.matrix(), o.bias_data(), o.scratch.data(),
                      {.residual = residual.view()});
    BOOST_TEST(same_bits(out.floats(), expected.floats()));
    BOOST_TEST(same_bits(with_packed.floats(), expected.floats()));
  });
}

BOOST_DATA_TEST_CASE(the_epilogue_meets_each_element_once_and_complete, boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  Operands o(shape, As::stored, As::transposed, 3, 5, 14);
  GuardedMatrix expected = o.out;
  compute::plain::multiply(expected.view(), o.a.view(), As::stored, o.b.view(), As::transposed, o.bias_data());
  for (std::size_t i = 0; i < shape.M; ++i) {
    for (std::size_t j = 0; j < shape.N; ++j) expected.at(i, j) = 1 - expected.at(i, j);
  }
  for_each_target([&] {
    GuardedMatrix out = o.out;
    bool at_tiles = true;
    const auto negate = [&](const compute::ResultPiece& piece) {
      at_tiles = at_tiles && piece.first_column % compute::epilogue_columns == 0 &&
                 piece.columns == std::min(compute::epilogue_columns, shape.N - piece.first_column);
      for (std::size_t i = piece.first_row; i < piece.first_row + piece.rows; ++i) {
        for (std::size_t j = piece.first_column; j < piece.first_column + piece.columns; ++j)
          out.at(i, j) = 1 - out.at(i, j);  // twice, or before the last sum, would show
      }
    };
    compute::multiply(out.view(), o.a.view(), As::stored, o.b.view(), As::transposed, o.bias_data(), o.scratch.data(),
                      compute::Store::cached, {.for_each = negate});
    BOOST_TEST(at_tiles);
    BOOST_TEST(same_bits(out.floats(), expected.floats()));
  });
}

BOOST_DATA_TEST_CASE(a_packed_matrix_may_be_taken_in_steps, boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  Operands o(shape, As::transposed, As::stored, 3, 5, 15);
  GuardedMatrix expected = o.out;
  compute::plain::multiply(expected.view(), o.a.view(), As::transposed, o.b.view(), As::stored, nullptr);
  for_each_target([&] {
    Packed packed(shape, o.b.view(), As::stored);
    GuardedMatrix out = o.out;
    for (std::size_t k = 0; k == 0 || k < shape.K; k += compute::product_block) {
      const std::size_t count = std::min(compute::product_block, shape.K - k);
      const ConstMatrix whole = o.a.view(), a{whole.data + k * whole.stride, count, whole.columns, whole.stride};
      const compute::PackedMatrix steps = packed.matrix().steps(k, count);
      if (k == 0) {
        compute::multiply(out.view(), a, As::transposed, steps, nullptr, o.scratch.data());
      } else {
        compute::multiply_add(out.view(), a, As::transposed, steps, o.scratch.data());
      }
    }
    BOOST_TEST(same_bits(out.floats(), expected.floats()));
  });
}

BOOST_AUTO_TEST_CASE(an_empty_sum_is_plus_zero_and_then_the_bias) {
  std::vector<float> out(6, 7.0f), scratch(compute::product_scratch_floats);
  const float bias[] = {-0.0f, 2.0f, -3.0f};
  const ConstMatrix a{nullptr, 2, 0, 0}, b{nullptr, 0, 3, 3};
  compute::multiply(compute::dense(out.data(), 2, 3), a, As::stored, b, As::stored, nullptr, scratch.data());
  BOOST_TEST(same_bits(out, std::vector<float>(6, 0.0f)));
  compute::multiply(compute::dense(out.data(), 2, 3), a, As::stored, b, As::stored, bias, scratch.data());
  BOOST_TEST(same_bits(out, std::vector<float>{0, 2, -3, 0, 2, -3}));
}

BOOST_AUTO_TEST_CASE(the_definition_is_near_the_exact_product) {
  const Shape shape{9, 11, 600};
  Operands o(shape, As::stored, As::transposed, 0, 0, 3);
  compute::plain::multiply(o.out.view(), o.a.view(), As::stored, o.b.view(), As::transposed, o.bias_data());
  for (std::size_t i = 0; i < shape.M; ++i) {
    for (std::size_t j = 0; j < shape.N; ++j) {
      double exact = o.bias.at(0, j), magnitude = std::abs(exact);
      for (std::size_t k = 0; k < shape.K; ++k) {
        const double term = static_cast<double>(o.a.at(i, k)) * static_cast<double>(o.b.at(j, k));
        exact += term;
        magnitude += std::abs(term);
      }
      BOOST_TEST(std::abs(o.out.at(i, j) - exact) <= 1e-5 * magnitude);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tests
