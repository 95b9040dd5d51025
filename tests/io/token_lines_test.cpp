#include "io/token_lines.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

struct Refusal {
  const char* line;
  const char* reason;
};
std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.line;
}

const std::vector<Refusal> refused_texts = {
    {"", "the line is empty"},
    {"{\"text\": \"a", "not JSON"},
    {"{\"text\": \"a\"} x", "not JSON"},
    {"{\"text\": \"\xFF\"}", "not JSON"},
    {"{\"text\": \"a\nb\"}", "not JSON"},
    {"[\"text\"]", "not an object"},
    {"{}", "there is no \"text\""},
    {"{\"Text\": \"a\"}", "there is no \"text\""},
    {"{\"text\": 5}", "is not a string"},
    {"{\"text\": null}", "is not a string"},
    {"{\"text\": \"a\", \"text\": \"b\"}", "stands twice"},
    {"{\"text\": \"\\ud83d\"}", "not JSON"},
    {"{\"text\": \"\\ud83dx\"}", "not JSON"},
    {"{\"text\": \"\\ude00\"}", ""},
};

const std::vector<Refusal> refused_ids = {
    {"", "the line is empty"},
    {"[1,2", "not JSON"},
    {"{\"ids\": [1]}", "not an array"},
    {"5", "not an array"},
    {"[1, 2.5]", "element 2 is not a token id"},
    {"[\"1\"]", "element 1 is not a token id"},
    {"[1, [2]]", "element 2 is not a token id"},
    {"[-1]", "the token id -1 is not one of 0 to 256"},
    {"[0, 257]", "element 2: the token id 257 is not one of 0 to 256"},
    {"[99999999999999999999]", ""},
};

auto says(const char* reason) {
  return
      [reason](const io::TokenLineError& error) { return std::string(error.what()).find(reason) != std::string::npos; };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(token_lines)

BOOST_AUTO_TEST_CASE(a_line_gives_its_text) {
  BOOST_TEST(io::text_of_line(R"({"text": ""})") == "");
  BOOST_TEST(io::text_of_line(R"( {"id": 5, "text":"a\tb\"\\\/\u0041", "meta": {"text": 1}} )") == "a\tb\"\\/A");
  BOOST_TEST(io::text_of_line("{\"text\": \"\\ud83d\\ude00 \\u00e9\\u0000\"}\r") ==
             std::string("\xF0\x9F\x98\x80 \xC3\xA9\0", 8));
}

BOOST_DATA_TEST_CASE(a_line_without_a_text_is_refused, data::make(refused_texts), refusal) {
  BOOST_CHECK_EXCEPTION(io::text_of_line(refusal.line), io::TokenLineError, says(refusal.reason));
}

BOOST_AUTO_TEST_CASE(a_line_gives_its_ids) {
  BOOST_TEST(io::ids_of_line("[]", 257).empty());
  BOOST_TEST(io::ids_of_line(" [0, 256,7 ]", 257) == (std::vector<io::TokenId>{0, 256, 7}),
             boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(a_line_without_ids_is_refused, data::make(refused_ids), refusal) {
  BOOST_CHECK_EXCEPTION(io::ids_of_line(refusal.line, 257), io::TokenLineError, says(refusal.reason));
}

BOOST_AUTO_TEST_CASE(ids_are_written_without_spaces) {
  BOOST_TEST(io::line_of_ids({}) == "[]");
  BOOST_TEST(io::line_of_ids(std::vector<io::TokenId>{1, 22, 50256}) == "[1,22,50256]");
}

BOOST_AUTO_TEST_CASE(text_is_escaped_as_json_asks) {
  BOOST_TEST(io::line_of_text(std::string("a\"b\\c/\n\r\t\b\x1F\0\x7F\xC3\xA9", 15)) ==
             "{\"text\": \"a\\\"b\\\\c/\\n\\r\\t\\u0008\\u001f\\u0000\x7F\xC3\xA9\"}");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_become_replacement_characters) {
  BOOST_TEST(io::line_of_text("a\xE4\xB8") == "{\"text\": \"a\xEF\xBF\xBD\"}");
}

BOOST_DATA_TEST_CASE(a_text_comes_back_from_its_line, data::make(seeds(100)), seed) {
  const std::string text = random_text(seed, 200);
  BOOST_TEST(io::text_of_line(io::line_of_text(text)) == text);
}

BOOST_AUTO_TEST_SUITE_END()
