#include "pipeline/run_tokenizer.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "pipeline/model_choice.hpp"
#include "pipeline/presets.hpp"

BOOST_AUTO_TEST_SUITE(run_tokenizer)

BOOST_AUTO_TEST_CASE(a_run_of_the_preset_quick_is_shorter_with_a_large_vocabulary) {
  BOOST_TEST(pipeline::choose_model("quick").steps(4096) == 2700u);
  BOOST_TEST(pipeline::choose_model("quick").steps(pipeline::small_vocabulary_max) == 2700u);
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
