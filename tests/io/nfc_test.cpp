// Normal form C of texts that arrive in pieces.

#include "io/nfc.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

std::string normalized(std::string_view text) {
  io::NfcNormalizer normalizer;
  std::string out;
  normalizer.normalize(text, out);
  normalizer.finish(out);
  return out;
}

std::string of(const std::vector<char32_t>& characters) {
  std::string text;
  for (const char32_t c : characters) append_utf8(text, c);
  return text;
}

/// Letters, marks of many classes, Hangul, and what decomposes.
const std::vector<char32_t> alphabet = {'a',    'e',    0xE9,   0x0301, 0x0323, 0x0308, 0x0345, 0x0344, 0x212B, 0x1E9B,
                                        0x0958, 0x093C, 0x1100, 0x1161, 0x11A8, 0xAC00, 0x0F73, 0x0898, 0x1D15E};

}  // namespace

BOOST_AUTO_TEST_SUITE(nfc)

BOOST_AUTO_TEST_CASE(the_examples_of_the_standard_come_out) {
  BOOST_TEST(normalized("") == "");
  BOOST_TEST(normalized(of({'a', 0x0301})) == of({0xE1}));
  BOOST_TEST(normalized(of({0x212B})) == of({0xC5}));                         // a singleton
  BOOST_TEST(normalized(of({0x1E9B, 0x0323})) == of({0x1E9B, 0x0323}));       // reordered and composed again
  BOOST_TEST(normalized(of({'d', 0x0307, 0x0323})) == of({0x1E0D, 0x0307}));  // by class
  BOOST_TEST(normalized(of({0x0958})) == of({0x0915, 0x093C}));               // excluded from composition
  BOOST_TEST(normalized(of({0x1112, 0x1161, 0x11AB})) == of({0xD55C}));       // Hangul
  BOOST_TEST(normalized(of({0xAC00, 0x11A8})) == of({0xAC01}));
  BOOST_TEST(normalized(of({'a', 0x0344})) == of({0xE4, 0x0301}));
}

BOOST_AUTO_TEST_CASE(marks_later_than_unicode_9_stand_alone) {
  const std::string text = of({'a', 0x0898, 0x0323});  // classes 230 and 220
  BOOST_TEST(normalized(text) == text);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_stay_and_part_what_is_beside_them) {
  BOOST_TEST(normalized("a\xFF\xCC\x81") == "a\xFF\xCC\x81");
  BOOST_TEST(normalized("a\xCC") == "a\xCC");
  BOOST_TEST(normalized("\xCC\x81") == "\xCC\x81");
}

BOOST_DATA_TEST_CASE(pieces_change_nothing_and_twice_is_once, data::make(seeds(200)), seed) {
  std::mt19937 random(seed);
  const std::string text = seed % 4 == 0 ? random_bytes(seed, 300) : random_text(seed, 1 + seed, alphabet);
  const std::string whole = normalized(text);
  io::NfcNormalizer normalizer;
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t bytes = std::min<std::size_t>(rest.size(), random() % 7);
    normalizer.normalize(rest.substr(0, bytes), out);
    rest.remove_prefix(bytes);
  }
  normalizer.finish(out);
  BOOST_TEST((out == whole));
  BOOST_TEST((normalized(whole) == whole));
}

BOOST_AUTO_TEST_CASE(marks_without_end_are_sorted) {
  std::string text = "x", above, below;
  for (int i = 0; i < 100000; ++i) {
    text += "\xCC\x82\xCC\xA3";  // U+0302, U+0323
    above += "\xCC\x82";
    below += "\xCC\xA3";
  }
  BOOST_TEST((normalized(text) == "x" + below + above));
}

BOOST_AUTO_TEST_SUITE_END()
