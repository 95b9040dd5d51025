// Attention that stops at document borders.

#include <rapidcheck.h>

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "compute/cpu.hpp"
#include "tests/compute/attention_arrays.hpp"

namespace tests {

namespace {

/// The floats of positions [first, last) of one sequence in an array of `columns` a position.
std::span<const float> positions(const GuardedMatrix& array, std::size_t columns, std::size_t first, std::size_t last) {
  return {array.view().data + first * columns, (last - first) * columns};
}

/// Whether positions [first, last) of one sequence have the same results in both, forward and backward.
bool same_results(const Arrays& a, const Arrays& b, std::size_t first, std::size_t last) {
  const std::size_t C = a.shape.C;
  return same_bits(positions(a.out, C, first, last), positions(b.out, C, first, last)) &&
         same_bits(positions(a.dqkv, 3 * C, first, last), positions(b.dqkv, 3 * C, first, last));
}

/// Runs a claim about `forward` and `backward` on the plain form and on every target's vectors.
template <class Claim>
void for_each_form(const Claim& claim) {
  claim([](Arrays& arrays) {
    arrays.plain_forward();
    arrays.plain_backward();
  });
  for_each_target([&] {
    claim([](Arrays& arrays) {
      arrays.forward();
      arrays.backward();
    });
  });
}

/// One sequence of documents that begin at these positions.
std::vector<std::uint32_t> documents_at(std::size_t T, const std::vector<std::uint32_t>& begins) {
  std::vector<std::uint32_t> first(T);
  for (const std::uint32_t begin : begins) std::fill(first.begin() + begin, first.end(), begin);
  return first;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attention_documents)

const std::vector<AttentionShape> shapes = {{1, 1, 16, 1},   {2, 3, 12, 4},  {3, 33, 21, 3},  {1, 64, 64, 1},
                                            {2, 70, 5, 5},   {1, 65, 96, 2}, {2, 130, 34, 2}, {1, 257, 16, 1},
                                            {1, 300, 48, 2}, {1, 530, 7, 1}};

BOOST_DATA_TEST_CASE(vectors_have_the_bits_of_the_definition,
                     boost::unit_test::data::make(shapes) * boost::unit_test::data::make({1.0, 0.3, 0.05, 0.008}),
                     shape, border) {
  compute::set_floating_point_mode();
  BOOST_TEST(equals_the_definition(Arrays(shape, 1, 1, border)));
  BOOST_TEST(equals_the_definition(Arrays(shape, 2, 30, border)));
}

BOOST_AUTO_TEST_CASE(any_shape_and_documents_give_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  BOOST_TEST(rc::check([] {
    const auto size = [](int first, int last) { return static_cast<std::size_t>(*rc::gen::inRange(first, last)); };
    const std::size_t heads = size(1, 5);
    const AttentionShape shape{size(1, 3), size(1, 150), heads * size(1, 40), heads};
    const double border = *rc::gen::element(0.02, 0.1, 0.5);
    RC_ASSERT(equals_the_definition(
        Arrays(shape, *rc::gen::arbitrary<std::uint32_t>(), *rc::gen::element(0.1f, 5.0f), border)));
  }));
}

BOOST_AUTO_TEST_CASE(documents_that_cross_the_blocks_of_a_chain_give_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  Arrays start({1, 600, 6, 1});
  for (const std::vector<std::uint32_t>& begins :
       {std::vector<std::uint32_t>{1}, {255}, {256}, {257}, {100, 300}, {511, 513}, {17, 240, 260, 540}}) {
    start.first = documents_at(600, begins);
    BOOST_TEST(equals_the_definition(start), "the first border at " << begins.front());
  }
}

BOOST_AUTO_TEST_CASE(sums_that_underflow_to_minus_zero_have_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  const AttentionShape shape{1, 300, 8, 1};
  Arrays start(shape, 1, 1, 0.03);
  for (std::size_t i = 0; i < start.qkv.size(); ++i) {
    if (i % (3 * shape.C) >= 2 * shape.C) start.qkv[i] = i % 2 == 1 && i / 24 % 2 == 1 ? 1e-45f : -1e-45f;
  }
  for (float& x : start.dout) x *= -1e-38f;
  BOOST_TEST(equals_the_definition(start));
  start.first = documents_at(300, {250});  // its keys lie in two blocks
  BOOST_TEST(equals_the_definition(start));
}

BOOST_AUTO_TEST_CASE(a_row_of_one_document_has_the_bits_of_no_mask) {
  compute::set_floating_point_mode();
  for_each_form([](const auto& run) {
    for (const std::size_t T : {1, 65, 300}) {
      Arrays none({2, T, 22, 2}, 7), one({2, T, 22, 2}, 7);
      one.first.assign(2 * T, 0);
      run(none);
      run(one);
      BOOST_TEST(same_bits(none.out.floats(), one.out.floats()));
      BOOST_TEST(same_bits(none.statistics.floats(), one.statistics.floats()));
      BOOST_TEST(same_bits(none.dqkv.floats(), one.dqkv.floats()));
    }
  });
}

BOOST_AUTO_TEST_CASE(masked_keys_have_the_bits_of_keys_whose_weight_is_zero) {
  compute::set_floating_point_mode();
  for (const std::uint32_t border : {1, 15, 16, 37, 255, 256, 270}) {
    Arrays unmasked({1, 300, 6, 1}, border);
    for (std::size_t t = 0; t < 300; ++t) {
      float* row = unmasked.qkv.data() + t * 18;
      row[0] = 1;                            // of q, times
      row[6] = t < border ? -1e30f : 0.25f;  // of k: scores so low that their exponentials are +0
    }
    Arrays masked = unmasked;
    masked.first = documents_at(300, {border});
    unmasked.plain_forward();
    unmasked.plain_backward();
    for_each_form([&](const auto& run) {
      Arrays got = masked;
      run(got);
      BOOST_TEST(same_results(got, unmasked, border, 300), "border " << border);
    });
  }
}

BOOST_AUTO_TEST_CASE(a_document_that_begins_with_a_block_has_the_bits_of_a_row_of_its_own) {
  compute::set_floating_point_mode();
  Arrays row({1, 400, 12, 2}, 3), own({1, 130, 12, 2});
  row.first = documents_at(400, {256, 386});
  std::copy_n(row.qkv.data() + 256 * 36, own.qkv.size(), own.qkv.data());
  std::copy_n(row.dout.data() + 256 * 12, own.dout.size(), own.dout.data());
  own.plain_forward();
  own.plain_backward();
  for_each_form([&](const auto& run) {
    Arrays got = row;
    run(got);
    BOOST_TEST(same_bits(positions(got.out, 12, 256, 386), positions(own.out, 12, 0, 130)));
    BOOST_TEST(same_bits(positions(got.dqkv, 36, 256, 386), positions(own.dqkv, 36, 0, 130)));
  });
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_stays_in_its_document) {
  compute::set_floating_point_mode();
  constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  Arrays finite({1, 330, 10, 2}, 5);
  finite.first = documents_at(330, {3, 69, 70, 243, 301});
  Arrays poisoned = finite;
  const auto poison = [](std::vector<float>& x, std::size_t columns, std::size_t first, std::size_t last) {
    for (std::size_t i = first * columns; i < last * columns; ++i)
      x[i] = i % 3 == 0 ? nan : i % 3 == 1 ? infinity : -infinity;
  };
  for (const auto& [first, last] : {std::pair(0, 3), {69, 70}, {243, 301}}) {
    poison(poisoned.qkv, 30, static_cast<std::size_t>(first), static_cast<std::size_t>(last));
    poison(poisoned.dout, 10, static_cast<std::size_t>(first), static_cast<std::size_t>(last));
  }
  for_each_form([&](const auto& run) {
    Arrays expected = finite, got = poisoned;
    run(expected);
    run(got);
    for (const auto& [first, last] : {std::pair<std::size_t, std::size_t>(3, 69), {70, 243}, {301, 330}})
      BOOST_TEST(same_results(got, expected, first, last), "positions from " << first);
    BOOST_TEST(std::isnan(got.out.at(0, 2 * 10)));
    BOOST_TEST(std::isnan(got.dqkv.at(0, 250 * 30)));
  });
}

BOOST_AUTO_TEST_CASE(other_documents_keys_have_no_weight_and_the_weights_of_the_others_add_up_to_one) {
  compute::set_floating_point_mode();
  check_weights(Arrays({2, 150, 12, 2}, 5, 1, 0.05));
}

BOOST_AUTO_TEST_CASE(documents_that_cross_parts_of_a_chain_give_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  BOOST_TEST(equals_the_definition(Arrays({1, 1100, 12, 2}, 8, 1, 0.004)));
  BOOST_TEST(equals_the_definition(Arrays({1, 1100, 12, 2, 1}, 8, 1, 0.05)));
}

const std::vector<AttentionShape> small_shapes = {{2, 6, 10, 2}, {1, 19, 14, 2}, {2, 23, 6, 1}};

BOOST_DATA_TEST_CASE(the_gradient_is_the_central_difference, boost::unit_test::data::make(small_shapes), shape) {
  check_central_differences(Arrays(shape, 4, 1, 0.2));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tests
