#include "pipeline/sizes.hpp"

#include <boost/test/unit_test.hpp>
#include <cstddef>

#include "tests/support/tiny_run.hpp"

BOOST_AUTO_TEST_SUITE(sizes)

BOOST_AUTO_TEST_CASE(gradients_are_added_two_by_two_where_one_fits_about_a_second_cache_and_a_steps_do_not) {
  constexpr std::size_t cache_bytes = 512 << 10;
  const auto gains = [](std::size_t gradient_bytes, std::size_t gradients_count, std::size_t cores_count) {
    pipeline::Sizes sizes{};
    sizes.model_floats = gradient_bytes / sizeof(float);
    sizes.gradients_count = gradients_count;
    sizes.cores_count = cores_count;
    return pipeline::sums_gain_by_caches(sizes, cache_bytes);
  };
  BOOST_TEST(gains(4 * cache_bytes, 12, 2));
  BOOST_TEST(!gains(4 * cache_bytes + sizeof(float), 12, 2));  // no longer near when its sibling is done
  BOOST_TEST(gains(cache_bytes, 12, 2));
  BOOST_TEST(!gains(cache_bytes, 12, 12));  // all of a step's stay near
  BOOST_TEST(!gains(cache_bytes / 8, 12, 1));
  BOOST_TEST(!gains(cache_bytes, 1, 1));
}

BOOST_AUTO_TEST_CASE(nothing_is_said_to_gain_by_caches_nobody_knows) {
  pipeline::Sizes sizes{};
  sizes.model_floats = 1000;
  sizes.gradients_count = 12;
  sizes.cores_count = 1;
  BOOST_TEST(!pipeline::sums_gain_by_caches(sizes, 0));
}

BOOST_AUTO_TEST_CASE(as_many_runs_as_cores_are_begun_together_where_memory_is_lean) {
  const auto runs = [](pipeline::GradientMemory memory, std::size_t cores_count) {
    pipeline::TrainSettings settings;
    settings.gradient_memory = memory;
    settings.seq_len = tests::tiny_shape.positions;
    settings.micro_batch = 1;
    settings.workers = 12;
    return pipeline::sizes_of(settings, tests::tiny_shape, cores_count).packer.runs_together;
  };
  BOOST_TEST(runs(pipeline::GradientMemory::lean, 1) == 1u);
  BOOST_TEST(runs(pipeline::GradientMemory::lean, 2) == 2u);
  BOOST_TEST(runs(pipeline::GradientMemory::fast, 2) == 1u);  // added all at once
}

BOOST_AUTO_TEST_SUITE_END()
