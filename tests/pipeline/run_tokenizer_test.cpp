#include "pipeline/run_tokenizer.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "pipeline/model_choice.hpp"
#include "pipeline/presets.hpp"

namespace {

using Sizes = std::vector<std::uint64_t>;

std::vector<pipeline::Dataset> datasets_of(const std::vector<Sizes>& sizes) {
  std::vector<pipeline::Dataset> datasets;
  for (const Sizes& of_one : sizes) {
    pipeline::Dataset& dataset = datasets.emplace_back();
    for (const std::uint64_t size : of_one) {
      io::Source& source = dataset.corpus.sources.emplace_back();
      source.size_bytes = size;
    }
  }
  return datasets;
}

std::vector<Sizes> sizes_kept(const std::vector<Sizes>& sizes, std::uint64_t bytes_max) {
  std::vector<pipeline::Dataset> datasets = datasets_of(sizes);
  pipeline::keep_sample(datasets, bytes_max);
  std::vector<Sizes> kept;
  for (const pipeline::Dataset& dataset : datasets) {
    Sizes& of_one = kept.emplace_back();
    for (const io::Source& source : dataset.corpus.sources) of_one.push_back(source.size_bytes);
  }
  return kept;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_tokenizer)

BOOST_AUTO_TEST_CASE(all_files_are_learned_from_where_they_are_not_too_much) {
  BOOST_TEST((sizes_kept({{1, 2, 3}, {4}}, 10) == std::vector<Sizes>{{1, 2, 3}, {4}}));
}

BOOST_AUTO_TEST_CASE(of_more_every_nth_is_throughout_the_corpora) {
  BOOST_TEST((sizes_kept({{1, 2, 3}, {4, 5, 6}}, 11) == std::vector<Sizes>{{1, 3}, {5}}));
  BOOST_TEST((sizes_kept({{5, 2, 3}, {4, 5, 6}}, 9) == std::vector<Sizes>{{5}, {4}}));
}

BOOST_AUTO_TEST_CASE(a_file_larger_than_all_that_is_read_is_left_out) {
  BOOST_TEST((sizes_kept({{100, 2}, {200}, {3}}, 10) == std::vector<Sizes>{{2}, {3}}));
  BOOST_TEST(sizes_kept({{100}, {200}}, 10).empty());
}

BOOST_AUTO_TEST_CASE(files_of_tokens_are_left_out) {
  std::vector<pipeline::Dataset> datasets = datasets_of({{1, 2}});
  datasets[0].corpus.sources[0].format = io::Format::tokens;
  pipeline::keep_sample(datasets, 10);
  BOOST_TEST(datasets.at(0).corpus.sources.size() == 1u);
  BOOST_TEST(datasets.at(0).corpus.sources.at(0).size_bytes == 2u);
}

BOOST_AUTO_TEST_CASE(a_run_of_the_preset_quick_is_shorter_with_a_large_vocabulary) {
  BOOST_TEST(pipeline::choose_model("quick").steps(4096) == 3000u);
  BOOST_TEST(pipeline::choose_model("quick").steps(pipeline::small_vocabulary_max) == 3000u);
  BOOST_TEST(pipeline::choose_model("quick").steps(pipeline::small_vocabulary_max + 1) == 800u);
  BOOST_TEST(pipeline::choose_model("seed").steps(500) == pipeline::choose_model("seed").steps(50257));
}

BOOST_AUTO_TEST_CASE(names_of_tokenizers_say_how_many_ids_to_learn) {
  BOOST_TEST(pipeline::ids_to_learn("learn") == pipeline::learned_ids);
  BOOST_TEST(pipeline::ids_to_learn("learn:257") == 257u);
  for (const char* const other : {"gpt2", "bytes", "./learn", "learned", "tokenizer.json"})
    BOOST_TEST(pipeline::ids_to_learn(other) == 0u);
  for (const char* const wrong :
       {"learn:", "learn:0", "learn:256", "learn:1073741825", "learn:-1", "learn:1e3", "learn:99999999999999999999"})
    BOOST_CHECK_THROW(pipeline::ids_to_learn(wrong), pipeline::SettingsError);
}

BOOST_AUTO_TEST_SUITE_END()
