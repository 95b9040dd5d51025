#include "io/pretoken_scanner.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/io/published_patterns.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

using io::SplitPattern;

/// What the scanner finds when the text comes in these pieces.
Pretokens split(SplitPattern pattern, const std::vector<std::string_view>& pieces) {
  const auto scanner = io::make_scanner(pattern);
  Pretokens pretokens;
  std::string tail;
  std::vector<std::uint32_t> ends;
  const auto take = [&](bool complete) {
    ends.clear();
    scanner->scan(tail, complete, ends);
    std::size_t begin = 0;
    for (const std::uint32_t end : ends) {
      BOOST_REQUIRE(begin < end);
      BOOST_REQUIRE(end <= tail.size());
      pretokens.push_back(tail.substr(begin, end - begin));
      begin = end;
    }
    tail.erase(0, begin);
  };
  for (const std::string_view piece : pieces) {
    tail += piece;
    take(false);
  }
  take(true);
  BOOST_TEST(tail.empty());
  return pretokens;
}

Pretokens split(SplitPattern pattern, std::string_view text) {
  return split(pattern, std::vector<std::string_view>{text});
}

struct Example {
  SplitPattern pattern;
  const char* text;
  Pretokens pretokens;
};
std::ostream& operator<<(std::ostream& out, const Example& example) {
  return out << static_cast<int>(example.pattern) << ": " << example.text;
}

constexpr SplitPattern gpt2 = SplitPattern::gpt2, cl100k = SplitPattern::cl100k, o200k = SplitPattern::o200k,
                       qwen2 = SplitPattern::qwen2;

const std::vector<Example> examples = {
    {gpt2, "Hello world", {"Hello", " world"}},
    {gpt2, "it's they'll I'd 're", {"it", "'s", " they", "'ll", " I", "'d", " '", "re"}},
    {gpt2, "'S 'x ''s", {"'", "S", " '", "x", " ''", "s"}},
    {gpt2, "'re're'r", {"'re", "'re", "'", "r"}},
    {gpt2, "a  b", {"a", " ", " b"}},
    {gpt2, "a\n\nb\n", {"a", "\n", "\n", "b", "\n"}},
    {gpt2, "a \n b", {"a", " \n", " b"}},
    {gpt2, "a   ", {"a", "   "}},
    {gpt2, "abc123!?x", {"abc", "123", "!?", "x"}},
    {gpt2, "x\xE3\x80\x80\xE3\x80\x80y", {"x", "\xE3\x80\x80", "\xE3\x80\x80", "y"}},
    {gpt2, "a\xFF\xE4\xB8z", {"a", "\xFF\xE4\xB8", "z"}},
    {gpt2, "a \xE4\xB8", {"a", " \xE4\xB8"}},
    {gpt2, "<|endoftext|>", {"<|", "endoftext", "|>"}},
    {cl100k, "it'S (x) \t(y)", {"it", "'S", " (", "x", ")", " ", "\t", "(y", ")"}},
    {cl100k, "12345 \n\n  \n  a", {"123", "45", " \n\n  \n", " ", " a"}},
    {cl100k,
     "...\r\n\n x'\xC5\xBF"
     "b",
     {"...\r\n\n", " x", "'\xC5\xBF", "b"}},
    {qwen2, "x123", {"x", "1", "2", "3"}},
    {o200k, "HelloWorld's ABCdef", {"Hello", "World's", " ABCdef"}},
    {o200k,
     "\xE4\xB8\xAD"
     "AB",
     {"\xE4\xB8\xAD", "AB"}},
    {o200k, "a//\n/b 1234", {"a", "//\n/", "b", " ", "123", "4"}},
    {o200k,
     "\xCC\x81"
     "AB \xCC\x81\xCC\x81"
     "Ab",
     {"\xCC\x81", "AB",
      " \xCC\x81\xCC\x81"
      "Ab"}},
};

const std::vector<SplitPattern> patterns = {gpt2, cl100k, o200k, qwen2};

}  // namespace

BOOST_TEST_DONT_PRINT_LOG_VALUE(io::SplitPattern)

BOOST_AUTO_TEST_SUITE(pretoken_scanner)

BOOST_DATA_TEST_CASE(known_texts_split_as_written_here, data::make(examples), example) {
  BOOST_TEST(split(example.pattern, example.text) == example.pretokens, boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(every_code_point_splits_as_pcre2_says_at_every_kind_of_border, data::make(patterns), pattern) {
  std::string text;
  for (const char32_t c : code_points_of_pcre2()) {
    for (const char* const before : {"a", "1", "!", " ", "\n", " ", "'", "A", "\xE4\xB8\xAD"}) {
      text += before;
      append_utf8(text, c);
    }
    append_utf8(text, c);
  }
  BOOST_TEST(code_points_of_pcre2().size() > 280000u);
  BOOST_TEST((split(pattern, text) == published(pattern).matches(text)));
}

BOOST_DATA_TEST_CASE(random_text_of_all_scripts_splits_as_pcre2_says, data::make(patterns) * data::make(seeds(200)),
                     pattern, seed) {
  const std::string text = random_text(seed, 2000, code_points_of_pcre2());
  BOOST_TEST((split(pattern, text) == published(pattern).matches(text)));
}

/// Such text is split another way: o200k need not walk through it.
BOOST_DATA_TEST_CASE(text_without_marks_and_letters_without_case_splits_as_pcre2_says,
                     data::make(patterns) * data::make(seeds(400)), pattern, seed) {
  const std::string text = cased_text(random_text(seed, 1000, code_points_of_pcre2()));
  const Pretokens whole = split(pattern, text);
  BOOST_TEST((whole == published(pattern).matches(text)));
  BOOST_TEST((split(pattern, random_pieces(text, seed, 30)) == whole));
}

BOOST_DATA_TEST_CASE(pretokens_do_not_depend_on_the_cuts, data::make(patterns) * data::make(seeds(200)), pattern,
                     seed) {
  const std::string text = seed % 2 == 0 ? random_text(seed, 300) : random_bytes(seed, 600);
  const Pretokens whole = split(pattern, text);
  BOOST_TEST((split(pattern, random_pieces(text, seed, 1)) == whole));
  BOOST_TEST((split(pattern, random_pieces(text, seed, 20)) == whole));
}

BOOST_AUTO_TEST_SUITE_END()
