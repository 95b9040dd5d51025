// Tokenizers in the styles of real models give the ids of Hugging Face's `tokenizers`
// (tests/peers/tokenizer_styles.py), however their text is cut.

#include <simdjson.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "io/tokenizer.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

using Ids = std::vector<io::TokenId>;

const std::vector<std::string> styles = {"gpt2",     "llama3",    "qwen2",  "o200k",
                                         "deepseek", "starcoder", "falcon", "merged"};

std::shared_ptr<const io::Tokenizer> tokenizer_of(const std::string& style) {
  return io::load_tokenizer(ICOSA_TEST_DATA "/tokenizers/" + style + ".json");
}

struct Answer {
  std::string text;
  Ids ids;          // special tokens are text
  Ids special_ids;  // or tokens
};

Ids ids_of(simdjson::dom::element json) {
  Ids ids;
  for (const auto id : simdjson::dom::array(json)) ids.push_back(static_cast<io::TokenId>(std::int64_t(id)));
  return ids;
}

std::vector<Answer> answers_of(const std::string& style) {
  simdjson::dom::parser parser;
  simdjson::dom::document_stream lines;
  const auto file = simdjson::padded_string::load(ICOSA_TEST_DATA "/tokenizers/" + style + ".ids.jsonl");
  if (file.error() != simdjson::SUCCESS) throw std::runtime_error(style + ".ids.jsonl");
  if (parser.parse_many(file.value_unsafe(), 1 << 20).get(lines)) throw std::runtime_error(style + ".ids.jsonl");
  std::vector<Answer> answers;
  for (const simdjson::dom::element line : lines) {
    Answer answer{std::string(std::string_view(line["text"])), ids_of(line["ids"]), {}};
    simdjson::dom::element special;
    answer.special_ids = line["special"].get(special) ? answer.ids : ids_of(special);
    answers.push_back(std::move(answer));
  }
  return answers;
}

Ids encoded(io::Encoder& encoder, std::string_view text, std::mt19937& random) {
  Ids ids;
  const std::size_t piece_max = 1 + random() % 40;
  while (!text.empty()) {
    const std::size_t bytes = std::min<std::size_t>(text.size(), random() % (piece_max + 1));
    encoder.encode(text.substr(0, bytes), ids);
    text.remove_prefix(bytes);
  }
  encoder.finish(ids);
  return ids;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(token_styles)

BOOST_DATA_TEST_CASE(every_style_gives_the_ids_of_hugging_face, data::make(styles), style) {
  const auto tokenizer = tokenizer_of(style);
  const auto encoder = tokenizer->encoder();
  const auto special = tokenizer->encoder_of_special_tokens();
  std::mt19937 random(7);
  const std::vector<Answer> answers = answers_of(style);
  BOOST_TEST(answers.size() > 100u);
  for (const Answer& answer : answers) {
    BOOST_TEST_CONTEXT(answer.text) {
      BOOST_TEST(tokenizer->encode(answer.text) == answer.ids, boost::test_tools::per_element());
      BOOST_TEST(encoded(*encoder, answer.text, random) == answer.ids, boost::test_tools::per_element());
      BOOST_TEST(encoded(*special, answer.text, random) == answer.special_ids, boost::test_tools::per_element());
    }
  }
}

BOOST_DATA_TEST_CASE(the_ids_do_not_depend_on_how_the_text_is_cut, data::make(styles) * data::make(seeds(40)), style,
                     seed) {
  static std::string name;
  static std::shared_ptr<const io::Tokenizer> tokenizer;
  if (name != style) tokenizer = tokenizer_of(name = style);
  std::mt19937 random(seed);
  const std::string text =
      seed % 3 == 0 ? random_bytes(seed, 1 + random() % 3000) : random_text(seed, 1 + random() % 600);
  const auto whole = [&](io::Encoder& encoder) {
    Ids ids;
    encoder.encode(text, ids);
    encoder.finish(ids);
    return ids;
  };
  const auto as_text = tokenizer->encoder();
  const auto as_tokens = tokenizer->encoder_of_special_tokens();
  const Ids ids = whole(*as_text);
  const Ids special_ids = whole(*as_tokens);
  for (int i = 0; i < 4; ++i) {
    BOOST_TEST((encoded(*as_text, text, random) == ids));
    BOOST_TEST((encoded(*as_tokens, text, random) == special_ids));
  }
  // Nothing is removed or normalized in these: decoding gives the bytes back.
  if (style != "merged" && style != "qwen2") {
    BOOST_TEST((tokenizer->decode(ids) == text));
    BOOST_TEST((tokenizer->decode(special_ids) == text));
  }
}

BOOST_DATA_TEST_CASE(a_tokenizer_is_written_as_it_was_read, data::make(styles), style) {
  const std::string json = tokenizer_of(style)->to_json();
  const auto again = io::tokenizer_from_json(json, "again");
  BOOST_TEST((again->to_json() == json));
}

BOOST_AUTO_TEST_SUITE_END()
