#include "io/tokenizer.hpp"

#include <rapidcheck.h>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/bpe.hpp"
#include "io/error.hpp"
#include "io/known_ranks.hpp"
#include "io/tiktoken_file.hpp"
#include "tests/io/plain_pretokenizer.hpp"
#include "tests/io/random_text.hpp"
#include "tests/io/token_vectors.hpp"

namespace data = boost::unit_test::data;

namespace {

using Ids = std::vector<io::TokenId>;

const io::Tokenizer& gpt2() {
  static const auto tokenizer = io::load_tokenizer("gpt2");
  return *tokenizer;
}

Ids encode_pieces(const io::Tokenizer& tokenizer, const std::vector<std::string_view>& pieces) {
  Ids ids;
  const auto encoder = tokenizer.encoder();
  for (const std::string_view piece : pieces) encoder->encode(piece, ids);
  encoder->finish(ids);
  return ids;
}

/// Byte pair encoding as tiktoken defines it, with nothing to make it fast: join the two neighbours that make the token
/// of the lowest rank, until none make one.
Ids encode_plainly(const std::string& text) {
  static const auto ranks = [] {
    std::unordered_map<std::string, io::TokenId> ranks;
    for (std::string& token : io::parse_tiktoken(io::embedded_gpt2_ranks(), "gpt2"))
      ranks.emplace(std::move(token), static_cast<io::TokenId>(ranks.size()));
    return ranks;
  }();
  Ids ids;
  io::Gpt2Pretokenizer pretokenizer;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = pretokenizer.pretoken_end(text, begin, true).value();
    std::vector<std::string> parts;
    for (; begin < end; ++begin) parts.emplace_back(1, text[begin]);
    while (true) {
      std::size_t best = 0;
      io::TokenId best_rank = -1;
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto rank = ranks.find(parts[i] + parts[i + 1]);
        if (rank == ranks.end() || (best_rank >= 0 && rank->second >= best_rank)) continue;
        best = i;
        best_rank = rank->second;
      }
      if (best_rank < 0) break;
      parts[best] += parts[best + 1];
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    for (const std::string& part : parts) ids.push_back(ranks.at(part));
  }
  return ids;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tokenizer)

BOOST_AUTO_TEST_CASE(gpt2_gives_the_ids_of_the_original) {
  const std::vector<TokenVector> vectors = read_token_vectors();
  std::set<std::string> tags;
  for (const TokenVector& vector : vectors) {
    tags.insert(vector.tag);
    BOOST_TEST((gpt2().encode(vector.text) == vector.ids), vector.tag << ": " << vector.text.substr(0, 80));
    BOOST_TEST((gpt2().decode(vector.ids) == vector.text), vector.tag << ": " << vector.text.substr(0, 80));
  }
  BOOST_TEST(vectors.size() == 452u);
  BOOST_TEST(tags.size() == 100u);
}

BOOST_AUTO_TEST_CASE(gpt2_agrees_with_the_plain_encoder) {
  BOOST_TEST(rc::check([] {
    const auto seed = *rc::gen::arbitrary<std::uint32_t>();
    const auto size = *rc::gen::inRange<std::size_t>(0, 300);
    const std::string text = *rc::gen::arbitrary<bool>() ? random_text(seed, size) : random_bytes(seed, size);
    RC_ASSERT(gpt2().encode(text) == encode_plainly(text));
  }));
}

BOOST_AUTO_TEST_CASE(gpt2_agrees_with_the_plain_encoder_on_long_words) {
  BOOST_TEST(rc::check([] {
    const auto letters = *rc::gen::inRange<std::size_t>(1, 12);
    const auto text = *rc::gen::resize(
        400, rc::gen::container<std::string>(rc::gen::map(rc::gen::inRange<std::size_t>(0, letters),
                                                          [](std::size_t i) { return "aesthinrdoAE"[i]; })));
    RC_ASSERT(gpt2().encode(text) == encode_plainly(text));
  }));
}

BOOST_AUTO_TEST_CASE(merges_leave_their_queue_by_rank_and_then_by_place) {
  BOOST_TEST(rc::check([] {
    io::MergeQueue queue;
    std::multiset<std::pair<std::uint32_t, std::uint32_t>> expected;
    const auto steps = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 4000));
    for (const std::uint32_t step : steps) {
      if (step % 4 == 3 && !expected.empty()) {
        const auto [rank, at] = queue.pop();
        RC_ASSERT(std::pair(rank, at) == *expected.begin());
        expected.erase(expected.begin());
      } else {
        queue.push(step % 3, step / 4);
        expected.emplace(step % 3, step / 4);
      }
      RC_ASSERT(queue.empty() == expected.empty());
    }
  }));
}

BOOST_AUTO_TEST_CASE(ids_do_not_depend_on_the_cuts) {
  const auto bytes = io::load_tokenizer("bytes");
  BOOST_TEST(rc::check([&] {
    const auto seed = *rc::gen::arbitrary<std::uint32_t>();
    const auto piece_bytes_max = *rc::gen::inRange<std::size_t>(1, 40);
    const std::string text = seed % 2 == 0 ? random_text(seed, 300) : random_bytes(seed, 500);
    for (const io::Tokenizer* const tokenizer : {&gpt2(), bytes.get()})
      RC_ASSERT(encode_pieces(*tokenizer, random_pieces(text, seed, piece_bytes_max)) == tokenizer->encode(text));
  }));
}

BOOST_AUTO_TEST_CASE(decoding_restores_any_bytes) {
  const auto bytes_tokenizer = io::load_tokenizer("bytes");
  BOOST_TEST(rc::check([&](const std::string& bytes, std::uint32_t seed) {
    for (const std::string& text : {bytes, random_bytes(seed, 300)}) {
      RC_ASSERT(gpt2().decode(gpt2().encode(text)) == text);
      RC_ASSERT(bytes_tokenizer->decode(bytes_tokenizer->encode(text)) == text);
    }
  }));
}

BOOST_AUTO_TEST_CASE(an_encoder_begins_afresh_after_finish) {
  const auto encoder = gpt2().encoder();
  for (int document = 0; document < 2; ++document) {
    Ids ids;
    encoder->encode("Hello worl", ids);
    encoder->encode("d", ids);
    encoder->finish(ids);
    BOOST_TEST(ids == (Ids{15496, 995}), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(special_tokens_in_a_text_are_text) {
  BOOST_TEST(gpt2().encode("<|endoftext|>") == (Ids{27, 91, 437, 1659, 5239, 91, 29}),
             boost::test_tools::per_element());
  BOOST_TEST(gpt2().end_of_text() == 50256);
  BOOST_TEST(gpt2().bytes_of(50256) == "<|endoftext|>");
}

BOOST_AUTO_TEST_CASE(what_gpt2_is) {
  BOOST_TEST(gpt2().vocabulary_size() == 50257u);
  BOOST_TEST(gpt2().description() == "gpt2, 50257 ids");
}

BOOST_AUTO_TEST_CASE(ids_of_the_byte_tokenizer_are_the_bytes) {
  const auto tokenizer = io::load_tokenizer("bytes");
  BOOST_TEST(tokenizer->encode("a\xFF\n") == (Ids{97, 255, 10}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer->vocabulary_size() == 257u);
  BOOST_TEST(tokenizer->end_of_text() == 256);
  BOOST_TEST(tokenizer->bytes_of(256) == "<|endoftext|>");
  BOOST_TEST(tokenizer->description() == "bytes, 257 ids");
}

BOOST_AUTO_TEST_CASE(an_id_out_of_range_is_refused) {
  const auto bytes = io::load_tokenizer("bytes");
  BOOST_CHECK_THROW(bytes->bytes_of(257), io::TokenizerError);
  BOOST_CHECK_THROW(bytes->bytes_of(-1), io::TokenizerError);
  BOOST_CHECK_EXCEPTION(gpt2().decode(Ids{1, 50257}), io::TokenizerError, [](const auto& error) {
    return error.what() == std::string("gpt2: the token id 50257 is not one of 0 to 50256");
  });
}

// Without the heap these take minutes; nothing is timed here.
BOOST_AUTO_TEST_CASE(a_hundred_thousand_times_one_letter_ends) {
  for (const char letter : {'a', ' ', '\n', '!', '\xFF'}) {
    const std::string text(100'000, letter);
    const Ids ids = gpt2().encode(text);
    BOOST_TEST((gpt2().decode(ids) == text));
    BOOST_TEST((encode_pieces(gpt2(), random_pieces(text, 1, 1)) == ids));
  }
}

const std::vector<std::string> built_in = {"bytes", "gpt2"};

BOOST_DATA_TEST_CASE(a_tokenizer_comes_back_from_its_json, data::make(built_in), name) {
  const auto original = io::load_tokenizer(name);
  const auto again = io::tokenizer_from_json(original->to_json(), "tokenizer.json");
  BOOST_TEST(again->vocabulary_size() == original->vocabulary_size());
  BOOST_TEST(again->end_of_text() == original->end_of_text());
  for (io::TokenId id = 0; static_cast<std::size_t>(id) < original->vocabulary_size(); ++id) {
    if (again->bytes_of(id) != original->bytes_of(id)) BOOST_ERROR("id " << id);
  }
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    const std::string text = seed % 2 == 0 ? random_text(seed, 300) : random_bytes(seed, 300);
    BOOST_TEST((again->encode(text) == original->encode(text)), "seed " << seed);
  }
  BOOST_TEST((again->to_json() == original->to_json()));
}

BOOST_AUTO_TEST_SUITE_END()
