#include "io/bpe_trainer.hpp"

#include <simdjson.h>

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/byte_level.hpp"
#include "io/error.hpp"
#include "io/split_patterns.hpp"
#include "io/tokenizer_json.hpp"
#include "io/word_counter.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

using Words = std::map<std::string, std::int64_t>;
using TextMerges = std::vector<std::pair<std::string, std::string>>;

/// What a trainer learned, as texts of bytes.
struct Learned {
  std::vector<std::string> tokens;
  TextMerges merges;
  bool operator==(const Learned&) const = default;
};

/// Hugging Face's rules word for word, each step over everything there is.
class PlainTrainer {
 public:
  explicit PlainTrainer(const Words& words, const io::BpeTrainerOptions& options) : options_(options) {
    learned_.tokens = options.special_tokens;
    std::map<std::string, unsigned char> alphabet;
    for (int byte = 0; byte < 256; ++byte)
      alphabet[io::byte_level_text(std::string(1, static_cast<char>(byte)))] = static_cast<unsigned char>(byte);
    for (const auto& [text, byte] : alphabet) learned_.tokens.emplace_back(1, static_cast<char>(byte));
    for (const auto& [word, count] : words) {
      Ids ids;
      for (const char byte : word) ids.push_back(id_of(std::string(1, byte)));
      words_.push_back(ids);
      word_counts_.push_back(count);
    }
    std::map<Pair, std::set<std::size_t>> places;
    for (std::size_t word = 0; word < words_.size(); ++word) {
      for (std::size_t i = 0; i + 1 < words_[word].size(); ++i) {
        counts_[{words_[word][i], words_[word][i + 1]}] += word_counts_[word];
        places[{words_[word][i], words_[word][i + 1]}].insert(word);
      }
    }
    enqueue(places);
  }

  Learned train() {
    while (learned_.tokens.size() < options_.vocabulary_size) {
      const auto top = std::max_element(queue_.begin(), queue_.end(), [](const Entry& a, const Entry& b) {
        return a.count != b.count ? a.count < b.count : a.pair > b.pair;
      });
      if (top == queue_.end()) break;
      if (top->count != counts_[top->pair]) {
        top->count = counts_[top->pair];
        continue;
      }
      if (top->count < 1 || static_cast<std::uint64_t>(top->count) < options_.min_frequency) break;
      const Entry entry = *top;
      queue_.erase(top);
      merge(entry);
    }
    std::set<std::pair<std::string, std::string>> seen;
    std::reverse(learned_.merges.begin(), learned_.merges.end());
    std::erase_if(learned_.merges, [&](const auto& merge) { return !seen.insert(merge).second; });
    std::reverse(learned_.merges.begin(), learned_.merges.end());
    return learned_;
  }

 private:
  using Ids = std::vector<std::size_t>;
  using Pair = std::pair<std::size_t, std::size_t>;
  struct Entry {
    Pair pair;
    std::int64_t count;
    std::set<std::size_t> places;
  };

  std::size_t id_of(const std::string& bytes) {
    const auto first = learned_.tokens.begin() + static_cast<std::ptrdiff_t>(options_.special_tokens.size());
    const auto found = std::find(first, learned_.tokens.end(), bytes);
    if (found == learned_.tokens.end()) learned_.tokens.push_back(bytes);
    return static_cast<std::size_t>(std::find(learned_.tokens.begin(), learned_.tokens.end(), bytes) -
                                    learned_.tokens.begin());
  }

  void enqueue(const std::map<Pair, std::set<std::size_t>>& places) {
    for (const auto& [pair, words] : places)
      if (counts_[pair] > 0) queue_.push_back({pair, counts_[pair], words});
  }

  void merge(const Entry& entry) {
    const auto [left, right] = entry.pair;
    learned_.merges.emplace_back(learned_.tokens[left], learned_.tokens[right]);
    const std::size_t merged = id_of(learned_.tokens[left] + learned_.tokens[right]);
    std::map<Pair, std::set<std::size_t>> places;
    for (const std::size_t word : entry.places) {
      const auto change = [&](std::size_t a, std::size_t b, bool is_new) {
        if (is_new && learned_.tokens[a].size() + learned_.tokens[b].size() >= options_.token_bytes_max) return;
        counts_[{a, b}] += is_new ? word_counts_[word] : -word_counts_[word];
        if (is_new) places[{a, b}].insert(word);
      };
      Ids& ids = words_[word];
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        if (ids[i] != left || ids[i + 1] != right) continue;
        if (i > 0) change(ids[i - 1], left, false);
        if (i > 0) change(ids[i - 1], merged, true);
        ids[i] = merged;
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        if (i + 1 < ids.size()) change(right, ids[i + 1], false);
        if (i + 1 < ids.size()) change(merged, ids[i + 1], true);
      }
    }
    enqueue(places);
  }

  io::BpeTrainerOptions options_;
  Learned learned_;
  std::vector<Ids> words_;
  std::vector<std::int64_t> word_counts_;
  std::map<Pair, std::int64_t> counts_;
  std::vector<Entry> queue_;
};

io::BpeTrainerOptions options_of(std::size_t vocabulary_size) {
  io::BpeTrainerOptions options;
  options.vocabulary_size = vocabulary_size;
  options.special_tokens = {"<|endoftext|>"};
  return options;
}

Learned learned_of(const io::BpeModel& model) {
  Learned learned;
  learned.tokens = model.tokens;
  const auto text = [&](io::TokenId id) { return model.tokens[static_cast<std::size_t>(id)]; };
  for (const io::Merge& merge : model.merges) learned.merges.emplace_back(text(merge.left), text(merge.right));
  return learned;
}

Learned train(io::BpeCounts counts, const io::BpeTrainerOptions& options, std::size_t merges_at_once = SIZE_MAX) {
  io::BpeTrainer trainer(std::move(counts), options);
  while (trainer.train(merges_at_once)) continue;
  return learned_of(trainer.model("test"));
}

io::BpeCounts counts_of(const Words& words) {
  io::BpeCounts counts;
  for (const auto& [word, count] : words) counts.add(word, static_cast<std::uint64_t>(count));
  return counts;
}

io::BpeCounts counts_of(const std::string& text, io::SplitPattern pattern = io::SplitPattern::gpt2) {
  io::WordCounter counter(pattern);
  counter.count(text);
  counter.finish();
  return std::move(counter.counts());
}

Words words_of(const io::BpeCounts& counts) {
  Words words;
  for (std::size_t i = 0; i < counts.words_count(); ++i)
    BOOST_REQUIRE(words.emplace(counts.word(i), counts.count(i)).second);
  return words;
}

/// Words of few letters and low counts: nearly every merge has rivals of the same count, and texts that can be put
/// together in several ways.
Words random_words(std::uint32_t seed) {
  std::mt19937 random(seed);
  const std::uint32_t letters = 1 + random() % 4;
  Words words;
  for (std::uint32_t i = 0, count = 1 + random() % 40; i < count; ++i) {
    std::string word;
    for (std::uint32_t length = 1 + random() % (seed % 3 == 0 ? 24 : 8); length > 0; --length)
      word += static_cast<char>(random() % 8 == 0 ? 0xC0 + random() % 3 : 'a' + random() % letters);
    words[word] += 1 + random() % 3;
  }
  return words;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bpe_trainer)

BOOST_DATA_TEST_CASE(the_merges_are_those_of_the_plain_trainer, data::make(seeds(600)), seed) {
  const Words words = random_words(seed);
  std::mt19937 random(seed);
  io::BpeTrainerOptions options = options_of(257 + random() % 120);
  options.min_frequency = random() % 4;
  if (seed % 4 == 1) options.token_bytes_max = 2 + random() % 6;
  if (seed % 5 == 1) options.special_tokens = {"<pad>", "<|endoftext|>", "\xC3\xA9t"};
  options.vocabulary_size += options.special_tokens.size() - 1;
  const Learned plain = PlainTrainer(words, options).train();
  const Learned ours = train(counts_of(words), options, 1 + random() % 5);
  BOOST_TEST(ours.tokens == plain.tokens, boost::test_tools::per_element());
  BOOST_TEST((ours.merges == plain.merges));
}

BOOST_AUTO_TEST_CASE(the_merges_are_those_of_hugging_face) {
  simdjson::dom::parser parser;
  const auto cases = simdjson::padded_string::load(std::string(ICOSA_TEST_DATA) + "/bpe_trainer.jsonl").value();
  std::size_t cases_count = 0;
  for (const simdjson::dom::element reference : parser.parse_many(cases, 8 << 20)) {
    ++cases_count;
    io::BpeTrainerOptions options;
    options.vocabulary_size = reference["vocab_size"].get_uint64();
    options.min_frequency = reference["min_frequency"].get_uint64();
    if (!reference["max_token_length"].is_null()) options.token_bytes_max = reference["max_token_length"].get_uint64();
    for (const auto text : reference["special"].get_array()) options.special_tokens.emplace_back(text.get_c_str());
    options.pattern = io::split_pattern_named(reference["pattern"].get_string().value()).value();
    io::BpeTrainer trainer(counts_of(std::string(reference["text"].get_string().value()), options.pattern), options);
    trainer.train(SIZE_MAX);
    const Learned learned = learned_of(trainer.model("test"));
    Learned expected;
    for (const auto text : reference["vocab"].get_array()) expected.tokens.emplace_back(text.get_string().value());
    for (std::size_t id = options.special_tokens.size(); id < expected.tokens.size(); ++id)
      expected.tokens[id] = *io::byte_level_bytes(expected.tokens[id]);
    for (const auto merge : reference["merges"].get_array())
      expected.merges.emplace_back(*io::byte_level_bytes(merge.at(0).get_string().value()),
                                   *io::byte_level_bytes(merge.at(1).get_string().value()));
    BOOST_TEST_CONTEXT("case " << cases_count) {
      BOOST_TEST(learned.tokens == expected.tokens, boost::test_tools::per_element());
      BOOST_TEST((learned.merges == expected.merges));
    }
  }
  BOOST_TEST(cases_count >= 20u);
}

BOOST_DATA_TEST_CASE(neither_order_nor_number_of_tables_changes_the_merges, data::make(seeds(60)), seed) {
  std::vector<std::string> documents;
  for (std::uint32_t i = 0; i < 12; ++i) documents.push_back(random_text(100 * seed + i, 200));
  io::WordCounter one(io::SplitPattern::gpt2);
  for (const std::string& document : documents) {
    one.count(document);
    one.finish();
  }
  std::mt19937 random(seed);
  std::vector<io::WordCounter> several;
  for (std::uint32_t i = 0; i <= random() % 5; ++i) several.emplace_back(io::SplitPattern::gpt2);
  std::shuffle(documents.begin(), documents.end(), random);
  for (const std::string& document : documents) {
    io::WordCounter& counter = several[random() % several.size()];
    for (std::size_t at = 0; at < document.size();) {  // in pieces
      const std::size_t bytes = 1 + random() % (random() % 2 == 0 ? 5 : 5000);
      counter.count(std::string_view(document).substr(at, bytes));
      at += bytes;
    }
    counter.finish();
  }
  io::BpeCounts counts;
  for (io::WordCounter& counter : several) counts.absorb(std::move(counter.counts()));
  BOOST_TEST((words_of(counts) == words_of(one.counts())));
  BOOST_TEST((train(std::move(counts), options_of(400)) == train(std::move(one.counts()), options_of(400))));
}

BOOST_DATA_TEST_CASE(counts_are_those_of_a_map, data::make(seeds(40)), seed) {
  std::mt19937 random(seed);
  Words expected;
  io::BpeCounts counts;
  for (int i = 0; i < 20000; ++i) {
    // All lengths around the border of short words, letters that make many words alike, zeros among them.
    std::string word(1 + random() % (i % 100 == 0 ? 200000 >> random() % 12 : 34), 'a');
    for (int change = 0; change < 2; ++change) word[random() % word.size()] = static_cast<char>(random() % 3);
    expected[word] += 1 + i % 3;
    counts.add(word, static_cast<std::uint64_t>(1 + i % 3));
  }
  BOOST_TEST((words_of(counts) == expected));
}

BOOST_DATA_TEST_CASE(what_was_learned_encodes_the_corpus_to_as_many_tokens_as_said, data::make(seeds(20)), seed) {
  const std::string text = random_text(seed, 3000);
  io::BpeTrainer trainer(counts_of(text), options_of(300 + seed * 20));
  trainer.train(SIZE_MAX);
  const auto tokenizer = io::tokenizer_from_json(io::bpe_to_json(trainer.model("test")), "test");
  const std::vector<io::TokenId> ids = tokenizer->encode(text);
  BOOST_TEST(ids.size() == trainer.corpus_tokens());
  BOOST_TEST(tokenizer->decode(ids) == text);
}

BOOST_AUTO_TEST_CASE(a_long_word_of_one_letter_is_learned) {
  const Words words{{std::string(100'000, 'a'), 3}};
  const Learned learned = train(counts_of(words), options_of(300));
  BOOST_TEST(learned.tokens[257] == "aa");
  BOOST_TEST(learned.tokens.back().size() > 10'000u);
}

BOOST_AUTO_TEST_CASE(options_that_no_tokenizer_can_have_are_refused_in_one_line) {
  const auto refused = [](const io::BpeTrainerOptions& options, const std::string& said) {
    BOOST_CHECK_EXCEPTION(io::BpeTrainer::check(options), io::TokenizerError, [&](const io::TokenizerError& error) {
      const std::string line = error.what();
      return line.find(said) != line.npos && line.find('\n') == line.npos;
    });
  };
  io::BpeTrainer::check(options_of(257));
  refused(options_of(256), "from 257");
  refused(options_of(0), "from 257");
  refused(options_of(std::size_t{1} << 40), "to 1073741824");
  io::BpeTrainerOptions options = options_of(1000);
  options.special_tokens = {"<|endoftext|>", "a"};
  refused(options, "too short");
  options.special_tokens = {"<|endoftext|>", "<a>", "<a>"};
  refused(options, "twice");
  options.special_tokens = {"<a>"};
  refused(options, "ends documents");
}

BOOST_AUTO_TEST_CASE(a_special_token_that_is_a_word_of_the_corpus_is_refused) {
  io::BpeTrainerOptions options = options_of(1000);
  options.special_tokens.push_back("word");
  io::BpeTrainer trainer(counts_of("word word word"), options);
  BOOST_CHECK_THROW(trainer.train(SIZE_MAX), io::TokenizerError);
}

BOOST_AUTO_TEST_SUITE_END()
