#include "io/line_finder.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;
using Line = io::LineFinder::Line;

namespace io {
std::ostream& operator<<(std::ostream& out, const Line& line) {
  return out << '[' << line.begin_bytes << ", " << line.end_bytes << ')';
}
}  // namespace io

namespace {

std::vector<Line> find(const std::vector<std::string_view>& pieces) {
  io::LineFinder finder;
  std::vector<Line> lines;
  std::size_t bytes = 0;
  for (const std::string_view piece : pieces) {
    finder.feed(std::as_bytes(std::span(piece)), lines);
    bytes += piece.size();
  }
  finder.finish(lines);
  BOOST_TEST(finder.offset_bytes() == bytes);
  return lines;
}

/// Plain: every line, then whether anything but white space and the mark is in it.
std::vector<Line> find_plainly(std::string_view text) {
  std::vector<Line> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (begin == 0 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.find_first_not_of(" \t\r") != line.npos) lines.push_back({begin, end});
    begin = end + 1;
  }
  return lines;
}

std::string random_lines(std::uint32_t seed, std::size_t pieces_count) {
  const std::vector<std::string> pieces = {"\n",
                                           "\n",
                                           "\n",
                                           " ",
                                           "\t",
                                           "\r",
                                           "\r\n",
                                           "a",
                                           "{}",
                                           "\xEF",
                                           "\xBB",
                                           "\xBF",
                                           "\xEF\xBB\xBF",
                                           "\v",
                                           std::string(1, '\0'),
                                           std::string(300, 'x')};
  std::mt19937 random(seed);
  std::string text = random() % 2 == 0 ? "\xEF\xBB\xBF" : "";
  for (std::size_t i = random() % (pieces_count + 1); i > 0; --i) text += pieces[random() % pieces.size()];
  return text;
}

struct Sample {
  std::string text;
  std::vector<Line> lines;
};
std::ostream& operator<<(std::ostream& out, const Sample& sample) {
  return out << sample.text;
}

const std::vector<Sample> samples = {
    {"", {}},
    {"\n", {}},
    {"a", {{0, 1}}},
    {"a\n", {{0, 1}}},
    {"a\nb", {{0, 1}, {2, 3}}},
    {"a\n\n \t\r\nb\r\n", {{0, 1}, {7, 9}}},
    {"  a\n", {{0, 3}}},
    {" \n ", {}},
    {"\v\n", {{0, 1}}},
    {"\xEF\xBB\xBF", {}},
    {"\xEF\xBB\xBF \na", {{5, 6}}},
    {"\xEF\xBB\xBF{}\n{}", {{0, 5}, {6, 8}}},
    {"\xEF\xBB", {{0, 2}}},
    {"\xEF\xBB\n", {{0, 2}}},
    {" \xEF\xBB\xBF\n", {{0, 4}}},
    {"\n\xEF\xBB\xBF\n", {{1, 4}}},
    {"\xEF\xBB\xBF\xEF\xBB\xBF\n", {{0, 6}}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(line_finder)

BOOST_DATA_TEST_CASE(lines_begin_and_end_where_they_should, data::make(samples), sample) {
  BOOST_TEST(find({sample.text}) == sample.lines, boost::test_tools::per_element());
  BOOST_TEST(find_plainly(sample.text) == sample.lines, boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(every_cut_in_two_gives_the_same_lines, data::make(seeds(60)), seed) {
  const std::string text = random_lines(seed, 12);
  const std::string_view view = text;
  const std::vector<Line> expected = find_plainly(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    if (find({view.substr(0, cut), view.substr(cut)}) != expected) BOOST_ERROR("cut at " << cut);
}

BOOST_DATA_TEST_CASE(pieces_of_any_size_give_the_same_lines, data::make(seeds(200)), seed) {
  const std::string text = random_lines(seed, 60);
  const std::vector<Line> expected = find_plainly(text);
  for (const std::size_t bytes_max : {1u, 2u, 5u, 1000u})
    BOOST_TEST(find(random_pieces(text, seed, bytes_max)) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
