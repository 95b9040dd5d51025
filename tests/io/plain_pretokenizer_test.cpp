#include "tests/io/plain_pretokenizer.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "io/unicode.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

using Pretokens = std::vector<std::string>;

/// Feeds the pieces to a pretokenizer as an encoder does.
Pretokens split(const std::vector<std::string_view>& pieces) {
  io::Gpt2Pretokenizer pretokenizer;
  Pretokens pretokens;
  std::string tail;
  const auto take = [&](bool complete) {
    std::size_t begin = 0;
    while (begin < tail.size()) {
      const auto end = pretokenizer.pretoken_end(tail, begin, complete);
      if (!end) break;
      pretokens.push_back(tail.substr(begin, *end - begin));
      begin = *end;
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

Pretokens split(std::string_view text) {
  return split(std::vector<std::string_view>{text});
}

/// The published pattern, run by PCRE2.
class Pattern {
 public:
  explicit Pattern(const char* pattern) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &error,
                          &offset, nullptr);
    BOOST_REQUIRE(code_ != nullptr);
    match_ = pcre2_match_data_create_from_pattern(code_, nullptr);
  }
  Pattern(const Pattern&) = delete;
  ~Pattern() {
    pcre2_match_data_free(match_);
    pcre2_code_free(code_);
  }

  Pretokens matches(const std::string& text) const {
    Pretokens found;
    std::size_t at = 0;
    while (at < text.size() && pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                           at == 0 ? 0 : PCRE2_NO_UTF_CHECK, match_, nullptr) > 0) {
      const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer(match_);
      found.push_back(text.substr(ends[0], ends[1] - ends[0]));
      at = ends[1];
    }
    return found;
  }

 private:
  pcre2_code* code_;
  pcre2_match_data* match_;
};

const Pattern& gpt2_pattern() {
  static const Pattern pattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
  return pattern;
}

/// The code points that PCRE2's version of Unicode (14 in Debian 12) knows; later ones have other classes there.
/// U+180E is white space for PCRE2 and for nobody else since Unicode 6.3.
const std::vector<char32_t>& code_points_of_pcre2() {
  static const std::vector<char32_t> known = [] {
    std::string all;
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (c < 0xD800 || c >= 0xE000) append_utf8(all, c);
    }
    std::vector<char32_t> found;
    for (const std::string& character : Pattern(R"(\P{Cn})").matches(all)) {
      char32_t c = static_cast<unsigned char>(character[0]);
      if (character.size() > 1) c &= 0x7Fu >> character.size();
      for (std::size_t i = 1; i < character.size(); ++i) c = c << 6 | (character[i] & 0x3F);
      if (c != 0x180E) found.push_back(c);
    }
    return found;
  }();
  return known;
}

struct Example {
  const char* text;
  Pretokens pretokens;
};
std::ostream& operator<<(std::ostream& out, const Example& example) {
  return out << example.text;
}

const std::vector<Example> examples = {
    {"Hello world", {"Hello", " world"}},
    {"it's they'll I'd 're", {"it", "'s", " they", "'ll", " I", "'d", " '", "re"}},
    {"'S 'x ''s", {"'", "S", " '", "x", " ''", "s"}},
    {"'re're'r", {"'re", "'re", "'", "r"}},
    {"a  b", {"a", " ", " b"}},
    {"a\n\nb\n", {"a", "\n", "\n", "b", "\n"}},
    {"a \n b", {"a", " \n", " b"}},
    {"a   ", {"a", "   "}},
    {"abc123!?x", {"abc", "123", "!?", "x"}},
    {"x\xE3\x80\x80\xE3\x80\x80y", {"x", "\xE3\x80\x80", "\xE3\x80\x80", "y"}},
    {"a\xFF\xE4\xB8z", {"a", "\xFF\xE4\xB8", "z"}},
    {"a \xE4\xB8", {"a", " \xE4\xB8"}},
    {"<|endoftext|>", {"<|", "endoftext", "|>"}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pretokenizer)

BOOST_DATA_TEST_CASE(known_texts_split_as_written_here, data::make(examples), example) {
  BOOST_TEST(split(example.text) == example.pretokens, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(white_space_is_what_rust_has) {
  for (const char32_t c : {0x09, 0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000})
    BOOST_TEST((io::character_class(c) == io::CharacterClass::space), "U+" << std::hex << std::uint32_t{c});
  for (const char32_t c : {0x180E, 0x200B, 0x2060, 0xFEFF, 0x1C})
    BOOST_TEST((io::character_class(c) == io::CharacterClass::other), "U+" << std::hex << std::uint32_t{c});
}

BOOST_AUTO_TEST_CASE(the_tables_are_of_unicode_16) {
  BOOST_TEST(io::unicode_tables::version == std::string("16.0.0"));
  BOOST_TEST((io::character_class(0x1C89) == io::CharacterClass::letter));   // new in 16
  BOOST_TEST((io::character_class(0x10D40) == io::CharacterClass::number));  // new in 16
  BOOST_TEST((io::character_class(0x2EBF0) == io::CharacterClass::letter));  // new in 15.1
  BOOST_TEST((io::character_class(0xA7CE) == io::CharacterClass::other));    // new in 17
  BOOST_TEST((io::character_class(0x10FFFF) == io::CharacterClass::other));
}

BOOST_AUTO_TEST_CASE(every_code_point_splits_as_pcre2_says_at_every_kind_of_border) {
  std::string text;
  for (const char32_t c : code_points_of_pcre2()) {
    for (const char* const before : {"a", "1", "!", " ", "\n", " ", "'"}) {
      text += before;
      append_utf8(text, c);
    }
    append_utf8(text, c);
  }
  BOOST_TEST(code_points_of_pcre2().size() > 280000u);
  BOOST_TEST((split(text) == gpt2_pattern().matches(text)));
}

BOOST_DATA_TEST_CASE(random_text_of_all_scripts_splits_as_pcre2_says, data::make(seeds(300)), seed) {
  const std::string text = random_text(seed, 2000, code_points_of_pcre2());
  BOOST_TEST((split(text) == gpt2_pattern().matches(text)));
}

BOOST_DATA_TEST_CASE(pretokens_do_not_depend_on_the_cuts, data::make(seeds(300)), seed) {
  const std::string text = seed % 2 == 0 ? random_text(seed, 300) : random_bytes(seed, 600);
  const Pretokens whole = split(text);
  BOOST_TEST((split(random_pieces(text, seed, 1)) == whole));
  BOOST_TEST((split(random_pieces(text, seed, 20)) == whole));
}

BOOST_DATA_TEST_CASE(seven_bytes_behind_a_pretoken_decide_it, data::make(seeds(200)), seed) {
  const std::string text = seed % 2 == 0 ? random_text(seed, 100) : random_bytes(seed, 300);
  std::size_t begin = 0;
  for (const std::string& pretoken : split(text)) {
    const std::size_t end = begin + pretoken.size();
    if (end + 7 > text.size()) break;
    const auto decided = io::Gpt2Pretokenizer().pretoken_end(text.substr(0, end + 7), begin, false);
    BOOST_TEST(decided.value_or(0) == end);
    begin = end;
  }
}

BOOST_AUTO_TEST_SUITE_END()
