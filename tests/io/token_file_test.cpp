// Files of tokens of each kind, made byte by byte: what their headers say, which documents are found however the bytes
// are cut, and what is said of each kind of damage.

#include "io/token_file.hpp"

#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <limits>

#include "io/corpus.hpp"
#include "io/error.hpp"
#include "tests/io/files_help.hpp"
#include "tests/io/token_help.hpp"

namespace {

using namespace token_help;
using files_help::TemporaryFolder;
using files_help::text_of;
using io::TokenFile;
using Kind = io::TokenFile::Kind;

constexpr TokenId end_of_text = 9;
constexpr std::size_t vocabulary_size = 1000;

struct Fixture {
  TemporaryFolder folder;

  std::string with_file(const std::string& name, const std::string& bytes) const {
    return folder.with_file(name, bytes);
  }
  TokenFile header(const std::string& bytes, std::size_t vocabulary = vocabulary_size) const {
    return io::read_token_file_header(with_file("x.bin", bytes), vocabulary).value();
  }
  TokenFile megatron(const std::string& tokens, const std::string& index) const {
    with_file("x.idx", index);
    return header(tokens);
  }
  /// What the refusal of these bytes says; empty where they are not refused.
  std::string refusal(const std::string& bytes, std::size_t vocabulary = vocabulary_size) const {
    try {
      header(bytes, vocabulary);
    } catch (const io::CorpusError& error) {
      const std::string text = error.what();
      BOOST_TEST(text.find(folder / "x.") == 0u);  // names the file,
      BOOST_TEST(text.find('\n') == text.npos);    // in one line
      return text;
    }
    return "";
  }
  std::string refusal_of_index(const std::string& tokens, const std::string& index) const {
    with_file("x.idx", index);
    return refusal(tokens);
  }
  std::vector<Found> read(const TokenFile& file, const Pieces& piece, const Pieces& index_piece,
                          const io::TokenPosition& start = {}) const {
    const std::string index = file.index_path.empty() ? "" : text_of(file.index_path);
    Consumer consumer(file, text_of(folder / "x.bin"), index, end_of_text, vocabulary_size, start);
    return consumer.read(piece, index_piece);
  }
  std::vector<Found> read(const TokenFile& file) const { return read(file, pieces_of(1 << 20), pieces_of(1 << 20)); }
  /// Whatever the size of the pieces, and wherever the bytes are cut in two.
  void check_all_cuts(const TokenFile& file, const std::vector<Found>& expected) const {
    const std::size_t size = text_of(folder / "x.bin").size();
    for (std::size_t piece = 1; piece <= 20; ++piece)
      for (const std::size_t index_piece : {std::size_t{1}, std::size_t{3}, std::size_t{8}, std::size_t{17}})
        BOOST_TEST(read(file, pieces_of(piece), pieces_of(index_piece)) == expected, boost::test_tools::per_element());
    for (std::size_t cut = 1; cut < size; ++cut) {
      bool first = true;
      const Pieces two = [&] { return std::exchange(first, false) ? cut : size; };
      BOOST_TEST(read(file, two, pieces_of(1 << 20)) == expected, boost::test_tools::per_element());
    }
  }
};

bool says(const std::string& text, const std::string& what) {
  if (text.find(what) != text.npos) return true;
  BOOST_TEST_MESSAGE("said: " << text);
  return false;
}

Pieces random_pieces(std::size_t max) {
  const auto seed = *rc::gen::arbitrary<std::uint32_t>();
  return [random = std::mt19937(seed), max]() mutable { return 1 + random() % max; };
}

using Documents = std::vector<Ids>;

rc::Gen<Documents> documents() {
  // Ids that are not the end-of-text token: 0 to 8 and 10 to 999.
  const auto id = rc::gen::map(rc::gen::inRange<TokenId>(0, 999), [](TokenId id) { return id < 9 ? id : id + 1; });
  return rc::gen::container<Documents>(rc::gen::container<Ids>(id));
}

std::vector<std::int64_t> wide(const Ids& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(token_file, Fixture)

BOOST_AUTO_TEST_CASE(only_names_that_end_in_bin_hold_tokens) {
  BOOST_TEST(!io::read_token_file_header(with_file("x.txt", "ab"), vocabulary_size).has_value());
  BOOST_TEST(!io::read_token_file_header(with_file("bin", "ab"), vocabulary_size).has_value());
  BOOST_TEST(io::is_token_file_name("a/x.bin"));
  const std::string index = with_file("y.idx", "");
  BOOST_TEST(!io::is_token_index_name(index));
  with_file("y.bin", "");
  BOOST_TEST(io::is_token_index_name(index));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_a_file_error) {
  BOOST_CHECK_THROW(io::read_token_file_header(folder / "none.bin", vocabulary_size), io::FileError);
}

BOOST_AUTO_TEST_CASE(llm_c_says_its_type_and_count) {
  const TokenFile small = header(llm_c_file(20240520, 1, 3, tokens_of({9, 1, 2}, 2)));
  BOOST_TEST((small.kind == Kind::llm_c));
  BOOST_TEST(small.token_bytes == 2u);
  BOOST_TEST(small.first_token_offset_bytes == 1024u);
  BOOST_TEST(small.tokens_count == 3u);
  BOOST_TEST(small.description == "llm.c, 3 uint16 tokens");
  const TokenFile large = header(llm_c_file(20240801, 7, 2, tokens_of({9, 100'000}, 4)), 128'256);
  BOOST_TEST((large.kind == Kind::llm_c));
  BOOST_TEST(large.token_bytes == 4u);
  BOOST_TEST(large.tokens_count == 2u);
}

BOOST_AUTO_TEST_CASE(llm_c_that_contradicts_itself_is_refused) {
  const std::string tokens = tokens_of({9, 1, 2}, 2);
  BOOST_TEST(says(refusal(llm_c_file(20240520, 1, 4, tokens)), "counts 4 tokens of 2 bytes, and 6 bytes follow"));
  BOOST_TEST(says(refusal(llm_c_file(20240520, 1, 3, tokens + "a")), "and 7 bytes follow"));
  BOOST_TEST(says(refusal(llm_c_file(20240520, 2, 3, tokens)), "version 2 of llm.c's format 20240520; 1 is known"));
  BOOST_TEST(says(refusal(llm_c_file(20240801, 1, 3, tokens)), "version 1 of llm.c's format 20240801; 7 is known"));
  BOOST_TEST(says(refusal(llm_c_file(20240522, 1, 3, tokens)), "evaluation file"));
  BOOST_TEST(says(refusal(llm_c_file(20240520, 1, 3, "").substr(0, 1000)), "ends within the header"));
}

BOOST_AUTO_TEST_CASE(raw_ids_are_of_16_bits_unless_every_second_word_is_0_or_the_vocabulary_is_large) {
  BOOST_TEST(header(tokens_of({1, 2, 3, 4}, 2)).token_bytes == 2u);
  BOOST_TEST(header(tokens_of({1, 0, 3, 4}, 2)).token_bytes == 2u);
  BOOST_TEST(header(tokens_of({1, 2, 3, 4}, 4)).token_bytes == 4u);
  BOOST_TEST(header(tokens_of({1, 0, 3, 0, 5}, 2)).token_bytes == 2u);  // the size does not divide by 4
  BOOST_TEST(header(tokens_of({1, 2, 70'000, 4}, 4), 100'000).token_bytes == 4u);
  BOOST_TEST(header(tokens_of({1, 2, 70'000, 4}, 4), 65'536).token_bytes == 2u);
  std::vector<std::int64_t> late(20'000, 1);
  late[16'383] = 70'000;
  BOOST_TEST(header(tokens_of(late, 4), 0).token_bytes == 2u);  // within the first 64 KiB
  std::swap(late[16'383], late[16'384]);
  BOOST_TEST(header(tokens_of(late, 4), 0).token_bytes == 4u);  // behind them
  BOOST_TEST(header("").tokens_count == 0u);
  BOOST_TEST(header(tokens_of({1, 2, 3, 4}, 2)).description == "raw ids, 4 uint16 tokens");
}

BOOST_AUTO_TEST_CASE(raw_ids_of_an_odd_size_are_refused) {
  BOOST_TEST(says(refusal("abc"), "3 bytes are no whole number of uint16 tokens"));
  BOOST_TEST(says(refusal("abcdef", 100'000), "6 bytes are no whole number of uint32 tokens, which a vocabulary"));
}

BOOST_AUTO_TEST_CASE(megatron_says_its_type_and_documents) {
  const std::vector<std::pair<unsigned, unsigned>> types = {{1, 1}, {8, 2}, {4, 4}, {5, 8}};
  for (const auto& [code, token_bytes] : types) {
    const TokenFile file =
        megatron(tokens_of({1, 2, 9, 3, 9}, token_bytes), megatron_index(code, token_bytes, {2, 1, 2}, {0, 2, 3}));
    BOOST_TEST((file.kind == Kind::megatron));
    BOOST_TEST(file.token_bytes == token_bytes);
    BOOST_TEST(file.tokens_count == 5u);
    BOOST_TEST(file.documents_count == 2u);
    BOOST_TEST(file.index_path == folder / "x.idx");
    const std::vector<Found> expected = {{{1, 2}, 0, 3, ""}, {{3}, 3, 5, ""}};
    BOOST_TEST(read(file) == expected, boost::test_tools::per_element());
  }
  BOOST_TEST(megatron(tokens_of({1}, 4), megatron_index(4, 4, {1}, {0, 1})).description ==
             "Megatron, 1 documents of 1 int32 tokens in all");
}

BOOST_AUTO_TEST_CASE(a_megatron_index_that_contradicts_itself_or_its_tokens_is_refused) {
  const std::string tokens = tokens_of({1, 2, 9, 3, 9}, 2);
  const std::string sound = megatron_index(8, 2, {3, 2}, {0, 1, 2});
  BOOST_TEST(refusal_of_index(tokens, sound) == "");
  BOOST_TEST(refusal_of_index(tokens, sound + std::string(2, '\1')) == "");  // the modes of two sequences
  BOOST_TEST(says(refusal_of_index(tokens, sound + "a"), "bytes do not hold 2 sequences and 3 document indices"));
  for (std::size_t size = 34; size < sound.size(); ++size)
    BOOST_TEST(says(refusal_of_index(tokens, sound.substr(0, size)), "bytes do not hold"));
  for (std::size_t size = 9; size < 34; ++size)
    BOOST_TEST(says(refusal_of_index(tokens, sound.substr(0, size)), "ends within the header"));
  BOOST_TEST(says(refusal_of_index(tokens.substr(2), sound), "points to byte 10, and the file has 8"));
  BOOST_TEST(says(refusal_of_index(tokens + "ab", sound), "points to byte 10, and the file has 12"));
  BOOST_TEST(says(refusal_of_index(tokens, megatron_index(8, 2, {3, 2}, {0, 1})), "sequences 0 to 1, and there are 2"));
  BOOST_TEST(says(refusal_of_index(tokens, megatron_index(8, 2, {3, 2}, {1, 2})), "sequences 1 to 2"));
  BOOST_TEST(says(refusal_of_index(tokens, megatron_index(8, 2, {3, -2}, {0, 2})), "has -2 tokens"));
  BOOST_TEST(says(refusal_of_index(tokens, megatron_index(3, 2, {3, 2}, {0, 2})), "type 3 (int16)"));
  BOOST_TEST(says(refusal_of_index(tokens, megatron_index(77, 2, {3, 2}, {0, 2})), "type 77 (unknown)"));
  std::string newer = sound;
  newer[9] = 2;
  BOOST_TEST(says(refusal_of_index(tokens, newer), "version 2 of Megatron's index; 1 is known"));
  std::string huge = sound;
  huge.replace(18, 8, std::string(8, '\xff'));
  BOOST_TEST(says(refusal_of_index(tokens, huge), "bytes do not hold 18446744073709551615 sequences"));
  BOOST_TEST(says(refusal_of_index(tokens, "something else"), "neither an index of icosa"));
  BOOST_TEST(says(refusal_of_index(tokens, ""), "neither an index of icosa"));
}

BOOST_AUTO_TEST_CASE(a_document_ends_at_each_end_of_text_token) {
  struct Case {
    std::vector<std::int64_t> tokens;
    std::vector<Found> expected;
  };
  const std::vector<Case> cases = {
      {{}, {}},
      {{9}, {}},
      {{5}, {{{5}, 0, 1, ""}}},
      {{5, 9}, {{{5}, 0, 2, ""}}},
      {{9, 5}, {{{5}, 1, 2, ""}}},
      {{9, 9}, {{{}, 1, 2, ""}}},
      {{9, 1, 2, 9, 3}, {{{1, 2}, 1, 4, ""}, {{3}, 4, 5, ""}}},
      {{1, 9, 9, 2, 9}, {{{1}, 0, 2, ""}, {{}, 2, 3, ""}, {{2}, 3, 5, ""}}},
  };
  for (const Case& that : cases) {
    const TokenFile raw = header(tokens_of(that.tokens, 2));
    check_all_cuts(raw, that.expected);
    const auto count = static_cast<std::uint32_t>(that.tokens.size());
    const TokenFile large = header(llm_c_file(20240801, 7, count, tokens_of(that.tokens, 4)));
    BOOST_TEST(read(large, pieces_of(3), pieces_of(1)) == that.expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(an_index_decides_and_one_end_of_text_token_is_taken_off) {
  // Sequences of 3, 0, 2, 1 and 3 tokens; the second document has no token, the last one no end-of-text at its end.
  const TokenFile file =
      megatron(tokens_of({1, 9, 9, 2, 9, 9, 9, 4, 5}, 4), megatron_index(4, 4, {3, 0, 2, 1, 3}, {0, 1, 2, 3, 4, 5, 5}));
  const std::vector<Found> expected = {{{1, 9}, 0, 3, ""}, {{}, 3, 3, ""},        {{2}, 3, 5, ""},
                                       {{}, 5, 6, ""},     {{9, 4, 5}, 6, 9, ""}, {{}, 9, 9, ""}};
  check_all_cuts(file, expected);
}

BOOST_AUTO_TEST_CASE(a_bad_id_spoils_its_document_alone) {
  const TokenFile raw = header(tokens_of({1, 1000, 2, 1001, 9, 3, 9, 65535, 9, 9, 4, 1000}, 2));
  const std::vector<Found> expected = {{{}, 0, 1, "the token id 1000 is not one of 0 to 999"},
                                       {{3}, 5, 7, ""},
                                       {{}, 7, 7, "the token id 65535 is not one of 0 to 999"},
                                       {{}, 9, 10, ""},
                                       {{}, 10, 11, "the token id 1000 is not one of 0 to 999"}};
  check_all_cuts(raw, expected);
  const TokenFile indexed = megatron(tokens_of({1, -1, 9, 3, 9, 1, 2'000'000'000, 9, 4}, 4),
                                     megatron_index(4, 4, {3, 2, 3, 1}, {0, 1, 2, 3, 4}));
  const std::vector<Found> of_index = {{{}, 0, 1, "a token id that is negative or has more than 31 bits"},
                                       {{3}, 3, 5, ""},
                                       {{}, 5, 6, "the token id 2000000000 is not one of 0 to 999"},
                                       {{4}, 8, 9, ""}};
  check_all_cuts(indexed, of_index);
}

BOOST_AUTO_TEST_CASE(ids_of_64_bits_are_taken_where_they_fit) {
  const std::int64_t large = (std::int64_t{1} << 32) + 5;  // 5 if it were cut off
  const TokenFile file = megatron(tokens_of({1, large, 2, 9}, 8), megatron_index(5, 8, {2, 2}, {0, 1, 2}));
  check_all_cuts(file, {{{}, 0, 1, "a token id that is negative or has more than 31 bits"}, {{2}, 2, 4, ""}});
}

BOOST_AUTO_TEST_CASE(damage_within_an_index_ends_the_file) {
  const std::string tokens = tokens_of({1, 9, 2, 9, 3, 9}, 2);
  const std::string sound = megatron_index(8, 2, {2, 2, 2}, {0, 1, 2, 3});
  struct Case {
    std::size_t offset;
    std::string bytes;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {34 + 4, little(3, 4), "sequence 2 would begin at byte 8, and the one before it ends at 10"},
      {34 + 4, little(5, 4), "sequence 1 would have 5 tokens, and 4 are left"},
      {34 + 4, little(~0u, 4), "sequence 1 would have -1 tokens, and 4 are left"},
      {34 + 12 + 8, little(2, 8), "sequence 1 would begin at byte 2, and the one before it ends at 4"},
      {34 + 36 + 16, little(4, 8), "document 1 would end at sequence 4, and begins at 1 of 3"},
      {34 + 36 + 16, little(0, 8), "document 1 would end at sequence 0, and begins at 1 of 3"},
  };
  for (const Case& that : cases) {
    std::string index = sound;
    index.replace(that.offset, that.bytes.size(), that.bytes);
    const TokenFile file = megatron(tokens, index);
    const std::vector<Found> found = read(file);
    // A sequence that is too long is noticed at the next one.
    BOOST_REQUIRE(found.size() >= 2u);
    BOOST_TEST(found.front() == (Found{{1}, 0, 2, ""}));
    BOOST_TEST(says(found.back().reason, folder / "x.idx: damaged: "));
    BOOST_TEST(says(found.back().reason, that.reason));
    check_all_cuts(file, found);
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_has_become_shorter_is_damaged_where_it_ends) {
  const std::string tokens = tokens_of({1, 2, 9, 3, 9}, 2);
  const TokenFile raw = header(tokens);
  with_file("x.bin", tokens.substr(0, 7));
  const std::vector<Found> expected = {{{1, 2}, 0, 3, ""}, {{}, 3, 3, "the file ends after token 3 of 5"}};
  check_all_cuts(raw, expected);
  with_file("x.bin", tokens);
  const TokenFile indexed = megatron(tokens, megatron_index(8, 2, {3, 2}, {0, 1, 2}));
  with_file("x.bin", tokens.substr(0, 8));
  const std::vector<Found> of_index = {{{1, 2}, 0, 3, ""}, {{}, 3, 4, "the file ends after token 4 of 5"}};
  check_all_cuts(indexed, of_index);
}

BOOST_AUTO_TEST_CASE(an_index_that_has_become_shorter_is_damaged) {
  const TokenFile file = megatron(tokens_of({1, 9}, 2), megatron_index(8, 2, {2}, {0, 1}));
  io::TokenIndex index(file);
  BOOST_TEST((index.look() == io::TokenIndex::State::needed));
  index.add({});
  BOOST_TEST((index.look() == io::TokenIndex::State::damaged));
  BOOST_TEST(says(index.damage(), "x.idx: damaged: it ends at byte"));
}

BOOST_AUTO_TEST_CASE(an_index_is_read_in_pieces_of_the_size_asked_for) {
  const std::vector<std::int64_t> lengths(1000, 1);
  std::vector<std::int64_t> firsts(1001);
  for (std::size_t index = 0; index < firsts.size(); ++index) firsts[index] = static_cast<std::int64_t>(index);
  const std::string text = megatron_index(8, 2, lengths, firsts);
  const TokenFile file = megatron(tokens_of(std::vector<std::int64_t>(1000, 1), 2), text);
  io::TokenIndex index(file);
  std::uint64_t end = 0;
  for (;;) {
    const auto state = index.look();
    if (state == io::TokenIndex::State::over) break;
    if (state == io::TokenIndex::State::known) {
      BOOST_TEST(index.end() == ++end);
      index.pass();
      continue;
    }
    BOOST_REQUIRE((state == io::TokenIndex::State::needed));
    const auto wanted = index.wanted(100);
    BOOST_TEST(wanted.bytes <= 100u);
    index.add(part(text, wanted.offset_bytes, wanted.bytes));
  }
  BOOST_TEST(end == 1000u);
}

BOOST_AUTO_TEST_CASE(the_first_bad_id_is_found) {
  BOOST_TEST(!io::first_bad_id(Ids{}, 10).has_value());
  BOOST_TEST(!io::first_bad_id(Ids{0, 9}, 10).has_value());
  BOOST_TEST(io::first_bad_id(Ids{0, 10, 11}, 10).value() == 1u);
  BOOST_TEST(io::first_bad_id(Ids{0, 1, -1}, 10).value() == 2u);
  BOOST_TEST(io::first_bad_id(Ids{std::numeric_limits<TokenId>::min()}, ~std::size_t{0}).value() == 0u);
  BOOST_TEST(!io::first_bad_id(Ids{std::numeric_limits<TokenId>::max()}, ~std::size_t{0}).has_value());
}

BOOST_AUTO_TEST_CASE(documents_are_those_that_were_written_however_they_are_cut) {
  BOOST_TEST(rc::check([this] {
    const Documents texts = *documents();
    const bool in_front = *rc::gen::arbitrary<bool>();
    std::vector<std::int64_t> tokens;
    std::vector<Found> expected;
    if (in_front) tokens.push_back(9);
    for (const Ids& ids : texts) {
      const std::uint64_t begin = tokens.size();
      for (const TokenId id : ids) tokens.push_back(id);
      tokens.push_back(9);
      // With nothing in front an empty first piece is no document.
      if (!ids.empty() || begin > 0) expected.push_back({ids, begin, tokens.size(), ""});
    }
    const unsigned token_bytes = *rc::gen::element(2u, 4u);
    const std::string bytes = tokens_of(tokens, token_bytes);
    const TokenFile file = header(llm_c_file(token_bytes == 2 ? 20240520 : 20240801, token_bytes == 2 ? 1 : 7,
                                             static_cast<std::uint32_t>(tokens.size()), bytes));
    RC_ASSERT(read(file, random_pieces(50), pieces_of(1)) == expected);
  }));
}

BOOST_AUTO_TEST_CASE(documents_of_many_sequences_are_those_that_were_written) {
  BOOST_TEST(rc::check([this] {
    const Documents sequences = *documents();
    const bool with_end = *rc::gen::arbitrary<bool>();
    std::vector<std::int64_t> tokens;
    std::vector<std::int64_t> lengths;
    std::vector<std::int64_t> firsts = {0};
    std::vector<Found> expected;
    Ids document;
    std::uint64_t begin = 0;
    for (std::size_t index = 0; index < sequences.size(); ++index) {
      const bool last = index + 1 == sequences.size() || *rc::gen::inRange(0, 3) == 0;
      document.insert(document.end(), sequences[index].begin(), sequences[index].end());
      const std::vector<std::int64_t> ids = wide(sequences[index]);
      tokens.insert(tokens.end(), ids.begin(), ids.end());
      if (last && with_end) tokens.push_back(9);
      lengths.push_back(static_cast<std::int64_t>(ids.size() + (last && with_end ? 1 : 0)));
      if (!last) continue;
      expected.push_back({std::exchange(document, {}), begin, tokens.size(), ""});
      begin = tokens.size();
      firsts.push_back(static_cast<std::int64_t>(index + 1));
    }
    const TokenFile file = megatron(tokens_of(tokens, 4), megatron_index(4, 4, lengths, firsts));
    RC_ASSERT(read(file, random_pieces(50), random_pieces(40)) == expected);
  }));
}

BOOST_AUTO_TEST_CASE(reading_goes_on_at_the_position_behind_any_document) {
  const std::vector<std::int64_t> tokens = {1, 9, 1000, 9, 9, 2, 3, 9, 4};
  const auto check = [this](const TokenFile& file) {
    const std::vector<Found> all = read(file);
    BOOST_TEST(all.size() == 5u);
    const std::string index = file.index_path.empty() ? "" : text_of(file.index_path);
    for (std::size_t count = 0; count <= all.size(); ++count) {
      Consumer first(file, text_of(folder / "x.bin"), index, end_of_text, vocabulary_size);
      std::vector<Found> found = first.read(pieces_of(file.token_bytes), pieces_of(9), count);
      if (count > 0 && !found.back().reason.empty()) continue;  // within the damaged document
      const std::vector<Found> rest = read(file, pieces_of(3), pieces_of(5), first.position());
      found.insert(found.end(), rest.begin(), rest.end());
      BOOST_TEST(found == all, boost::test_tools::per_element());
    }
  };
  check(header(tokens_of(tokens, 2)));
  check(megatron(tokens_of(tokens, 2), megatron_index(8, 2, {2, 1, 1, 1, 0, 3, 1}, {0, 1, 3, 4, 6, 7})));
}

BOOST_AUTO_TEST_SUITE_END()
