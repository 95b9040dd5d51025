// Folders of token shards: what was written is read back, byte by byte as docs/formats.md has it, and whatever fails,
// at whatever operation, index.json names whole shards and a later writer goes on to the same bytes.

#include "io/token_shards.hpp"

#include <rapidcheck.h>
#include <xxhash.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>

#include "io/corpus.hpp"
#include "io/error.hpp"
#include "io/token_file.hpp"
#include "tests/io/failing_files.hpp"
#include "tests/io/files_help.hpp"
#include "tests/io/token_help.hpp"

namespace data = boost::unit_test::data;

namespace {

using namespace token_help;
using files_help::TemporaryFolder;
using files_help::text_of;
using tests::FailingFiles;

const files_help::Kind threads = {io::FilesKind::threads, "threads"};

/// A document of a test: its ids arrive in pieces of `piece`, and it may turn out to be damaged in the end.
struct Script {
  Ids ids;
  std::size_t piece = 1000;
  bool dropped = false;
};

struct Fixture {
  TemporaryFolder temporary;
  std::string path = temporary / "out";

  std::map<std::string, std::string> contents(const std::string& folder) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      files[entry.path().filename().string()] = text_of(entry.path().string());
    return files;
  }
};

io::ShardSettings settings_of(std::uint64_t vocabulary_size, std::uint64_t tokens_per_shard = 20) {
  io::ShardSettings settings;
  settings.vocabulary = {"a tokenizer", 0x1234, vocabulary_size, 9};
  settings.tokens_per_shard = tokens_per_shard;
  settings.settings = "{\"text_key\": \"text\"}";
  settings.block_bytes = 128;  // so that documents lie in several blocks
  return settings;
}

/// Writes documents from where the folder stands: its position is the number of documents that are in it.
sched::task<void> write_documents(io::TokenShardWriter& writer, const std::vector<Script>& documents) {
  const std::string& position = writer.folder().position;
  for (std::size_t at = position.empty() ? 0 : std::stoul(position); at < documents.size(); ++at) {
    std::span<const TokenId> left = documents[at].ids;
    while (!left.empty()) {
      const std::span<const TokenId> piece = left.first(std::min(left.size(), documents[at].piece));
      co_await writer.append(piece);
      left = left.subspan(piece.size());
    }
    if (documents[at].dropped) {
      co_await writer.drop_document();
    } else {
      co_await writer.end_document(3 * documents[at].ids.size());
    }
    if (writer.shard_is_full()) co_await writer.finish_shard(std::to_string(at + 1), false);
  }
  co_await writer.finish_shard(std::to_string(documents.size()), true);
}

void write_folder(io::Files& files, const std::string& path, const io::ShardSettings& settings,
                  const std::vector<Script>& documents) {
  io::TokenShardWriter writer(files, path, settings);
  files_help::finish(files, write_documents(writer, documents));
}

void write_folder(const std::string& path, const io::ShardSettings& settings, const std::vector<Script>& documents) {
  const auto files = files_help::make(threads);
  write_folder(*files, path, settings, documents);
}

/// All documents of all shards, in order.
std::vector<Ids> read_folder(const std::string& path) {
  const io::ShardFolder folder = io::read_shard_folder(path);
  std::vector<Ids> documents;
  for (const io::Shard& shard : folder.shards) {
    io::verify_shard(path, folder, shard);
    const std::string file_path = path + "/" + shard.name + ".bin";
    const io::TokenFile file = io::read_token_file_header(file_path, folder.vocabulary.size).value();
    BOOST_TEST((file.kind == io::TokenFile::Kind::icosa));
    Consumer consumer(file, text_of(file_path), text_of(file.index_path), folder.vocabulary.end_of_text,
                      folder.vocabulary.size);
    for (Found& found : consumer.read(pieces_of(37), pieces_of(11))) {
      BOOST_TEST(found.reason == "");
      documents.push_back(std::move(found.ids));
    }
  }
  return documents;
}

std::vector<Ids> kept(const std::vector<Script>& scripts) {
  std::vector<Ids> documents;
  for (const Script& script : scripts)
    if (!script.dropped) documents.push_back(script.ids);
  return documents;
}

rc::Gen<std::vector<Script>> scripts(TokenId vocabulary_size, bool with_dropped) {
  return rc::gen::exec([=] {
    std::vector<Script> scripts(*rc::gen::inRange<std::size_t>(0, 30));
    for (Script& script : scripts) {
      // Now and then longer than several blocks, and as often with nothing in it.
      const auto size = *rc::gen::inRange<std::size_t>(0, *rc::gen::element<std::size_t>(1, 20, 400));
      const auto seed = *rc::gen::arbitrary<std::uint32_t>();
      std::mt19937 random(seed);
      while (script.ids.size() < size) script.ids.push_back(static_cast<TokenId>(random() % vocabulary_size));
      script.piece = *rc::gen::inRange<std::size_t>(1, 200);
      script.dropped = with_dropped && *rc::gen::arbitrary<bool>();
    }
    return scripts;
  });
}

Ids count_to(std::size_t size) {
  Ids ids(size);
  for (std::size_t index = 0; index < size; ++index) ids[index] = static_cast<TokenId>(10 + index % 50);
  return ids;
}

/// Documents that make shards, spill over blocks, and are taken back where it is hardest: last in a shard.
const std::vector<Script>& some_documents() {
  static const std::vector<Script> documents = {
      {{1, 2, 3}},    {count_to(200)},           {{}},     {count_to(300), 50, true},  {{4}}, {count_to(10)},
      {count_to(12)}, {count_to(400), 77, true}, {{5, 6}}, {count_to(500), 1000, true}};
  return documents;
}

bool refuses(const std::string& what, const std::function<void()>& act) {
  try {
    act();
  } catch (const io::CorpusError& error) {
    const std::string text = error.what();
    BOOST_TEST(text.find('\n') == text.npos);
    if (text.find(what) != text.npos) return true;
    BOOST_TEST_MESSAGE("said: " << text);
  }
  return false;
}

/// Every file under a final name is named by index.json and whole.
void check_only_whole_shards(const Fixture& fixture) {
  if (!std::filesystem::exists(fixture.path)) return;
  std::size_t named_count = 0;
  if (std::filesystem::exists(fixture.path + "/index.json")) {
    const io::ShardFolder folder = io::read_shard_folder(fixture.path);
    for (const io::Shard& shard : folder.shards) io::verify_shard(fixture.path, folder, shard);
    named_count = 2 * folder.shards.size() + 1;
  }
  BOOST_TEST(fixture.contents(fixture.path).size() == named_count);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(token_shards, Fixture)

BOOST_DATA_TEST_CASE(documents_are_read_as_they_were_written, files_help::kinds(), kind) {
  const auto files = files_help::make(kind);
  BOOST_TEST(rc::check([&] {
    const TemporaryFolder another;
    const TokenId vocabulary_size = *rc::gen::element(1000, 65'536, 65'537, 200'000);
    const auto documents = *scripts(vocabulary_size, false);
    const io::ShardSettings settings = settings_of(static_cast<std::uint64_t>(vocabulary_size), 100);
    write_folder(*files, another / "out", settings, documents);
    RC_ASSERT(read_folder(another / "out") == kept(documents));
    const io::ShardFolder folder = io::read_shard_folder(another / "out");
    RC_ASSERT(folder.complete);
    RC_ASSERT(folder.vocabulary == settings.vocabulary);
    RC_ASSERT(folder.settings == settings.settings);
    RC_ASSERT(folder.position == std::to_string(documents.size()));
    io::ShardCounts expected;
    for (const Script& script : documents) expected += {1, script.ids.size() + 1, 3 * script.ids.size()};
    RC_ASSERT(folder.totals() == expected);
    for (const io::Shard& shard : folder.shards)
      RC_ASSERT((shard.counts.tokens >= settings.tokens_per_shard || &shard == &folder.shards.back()));
    RC_ASSERT(folder.vocabulary.token_bytes() == (vocabulary_size <= 65'536 ? 2u : 4u));
  }));
}

BOOST_DATA_TEST_CASE(a_document_that_is_dropped_leaves_no_trace, files_help::kinds(), kind) {
  const auto files = files_help::make(kind);
  BOOST_TEST(rc::check([&] {
    const TemporaryFolder another;
    const auto documents = *scripts(1000, true);
    std::vector<Script> without;
    for (const Script& script : documents)
      if (!script.dropped) without.push_back(script);
    // One shard: where shards end may depend on when the caller looks.
    write_folder(*files, another / "out", settings_of(1000, 1'000'000), documents);
    write_folder(*files, another / "plain", settings_of(1000, 1'000'000), without);
    for (const char* const name : {"/shard-00000.bin", "/shard-00000.idx"})
      RC_ASSERT(text_of(another / "out" + name) == text_of(another / "plain" + name));
    RC_ASSERT(read_folder(another / "out") == kept(documents));
  }));
}

BOOST_AUTO_TEST_CASE(a_shard_is_byte_by_byte_what_the_documentation_says) {
  write_folder(path, settings_of(300), {{{1, 258}}, {{}}, {{7}}});
  const std::string bin = tokens_of({1, 258, 9, 9, 7, 9}, 2);
  BOOST_TEST(text_of(path + "/shard-00000.bin") == bin);
  const std::string entries = tokens_of({3, 4, 6}, 8);
  const auto checksum = [](const std::string& text) { return std::uint64_t{XXH3_64bits(text.data(), text.size())}; };
  std::string idx = "ICOSAIDX" + little(1, 4) + little(2, 4) + little(300, 8) + little(9, 8) + little(3, 8) +
                    little(6, 8) + little(9, 8) + little(checksum(bin), 8) + little(checksum(entries), 8);
  idx += little(checksum(idx), 8) + entries;
  BOOST_TEST(idx.size() == 80u + 3 * 8);
  BOOST_TEST(text_of(path + "/shard-00000.idx") == idx);
  const auto hex = [&](const std::string& text) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(checksum(text)));
    return std::string(digits);
  };
  std::string json = R"({
  "format": "icosa token shards",
  "version": 1,
  "complete": true,
  "vocabulary": {"tokenizer": "a tokenizer", "tokenizer_checksum": "0000000000001234", "size": 300, "end_of_text": 9, "token_type": "uint16"},
  "totals": {"documents": 3, "tokens": 6, "text_bytes": 9},
  "shards": [
    {"name": "shard-00000", "documents": 3, "tokens": 6, "text_bytes": 9, "tokens_checksum": ")" +
                     hex(bin) + R"(", "entries_checksum": ")" + hex(entries) + R"("}
  ],
  "settings": "{\"text_key\": \"text\"}",
  "position": "3",
)";
  json += "  \"checksum\": \"" + hex(json) + "\"\n}\n";
  BOOST_TEST(text_of(path + "/index.json") == json);
  BOOST_TEST(contents(path).size() == 3u);
}

BOOST_AUTO_TEST_CASE(an_empty_corpus_is_a_complete_folder_without_shards) {
  write_folder(path, settings_of(300), {});
  BOOST_TEST(contents(path).size() == 1u);
  BOOST_TEST(io::is_shard_folder(path));
  const io::ShardFolder folder = io::read_shard_folder(path);
  BOOST_TEST(folder.complete);
  BOOST_TEST(folder.shards.empty());
}

BOOST_AUTO_TEST_CASE(a_shard_whose_documents_were_all_dropped_is_none) {
  write_folder(path, settings_of(300), {{count_to(500), 100, true}, {{1}, 1, true}});
  BOOST_TEST(contents(path).size() == 1u);
  BOOST_TEST(io::read_shard_folder(path).shards.empty());
}

BOOST_AUTO_TEST_CASE(whichever_operation_fails_only_whole_shards_are_left_and_they_are_named) {
  bool succeeded = false;
  for (unsigned operation = 0; !succeeded; ++operation) {
    FailingFiles files(files_help::make(threads), operation, operation);
    try {
      write_folder(files, path, settings_of(1000), some_documents());
      succeeded = files.operations_count() <= operation;
    } catch (const io::FileError& error) {
      BOOST_TEST(error.error_number() == ENOSPC);
    }
    check_only_whole_shards(*this);
    std::filesystem::remove_all(path);
    BOOST_REQUIRE(operation < 1000u);
  }
}

BOOST_AUTO_TEST_CASE(a_writer_that_was_killed_at_any_operation_is_followed_by_one_that_makes_the_same_folder) {
  write_folder(temporary / "whole", settings_of(1000), some_documents());
  const auto expected = contents(temporary / "whole");
  BOOST_TEST(expected.size() > 5u);
  bool succeeded = false;
  for (unsigned operation = 0; !succeeded; ++operation) {
    {
      FailingFiles files(files_help::make(threads), operation, ~0u);
      try {
        write_folder(files, path, settings_of(1000), some_documents());
        succeeded = true;
      } catch (const io::FileError&) {
      }
    }
    // Where it was killed after the last step that counts, nothing is left to do.
    const bool complete = io::is_shard_folder(path) && io::read_shard_folder(path).complete;
    if (!complete) write_folder(path, settings_of(1000), some_documents());
    BOOST_REQUIRE((contents(path) == expected));
    std::filesystem::remove_all(path);
    BOOST_REQUIRE(operation < 1000u);
  }
}

BOOST_DATA_TEST_CASE(a_writer_may_die_while_it_writes, files_help::kinds(), kind) {
  const auto write = [](io::Files& files, const std::string& folder) -> sched::task<void> {
    io::TokenShardWriter writer(files, folder, settings_of(1000));
    const Ids ids = count_to(65);  // one block of 64 ids is on its way
    co_await writer.append(ids);
    throw std::runtime_error("something else failed");
  };
  const std::size_t before = files_help::descriptors_count();
  {
    const auto files = files_help::make(kind);
    BOOST_CHECK_THROW(files_help::finish(*files, write(*files, path)), std::runtime_error);
  }
  BOOST_TEST(files_help::descriptors_count() == before);
  write_folder(path, settings_of(1000), some_documents());
  BOOST_TEST((read_folder(path) == kept(some_documents())));
}

BOOST_AUTO_TEST_CASE(files_that_the_index_does_not_name_are_removed_and_nothing_else) {
  {
    const auto files = files_help::make(threads);
    io::TokenShardWriter writer(*files, path, settings_of(1000));
    const auto write = [](io::TokenShardWriter& shards) -> sched::task<void> {
      const Ids ids = {1, 2};
      co_await shards.append(ids);
      co_await shards.end_document(2);
      std::string position = "1";
      co_await shards.finish_shard(std::move(position), false);
    };
    files_help::finish(*files, write(writer));
  }
  const auto before = contents(path);
  BOOST_TEST(before.size() == 3u);
  for (const char* const name : {"shard-00001.bin", "shard-00001.idx.tmp", "shard-123456.idx", "index.json.tmp"})
    std::ofstream(path + "/" + name) << "abandoned";
  for (const char* const name : {"skipped.jsonl", "shard-1.bin", "shard-0000a.bin", "shard-00001.txt", "x.bin.tmp"})
    std::ofstream(path + "/" + name) << "somebody's";
  const auto files = files_help::make(threads);
  const io::TokenShardWriter writer(*files, path, settings_of(1000));
  BOOST_TEST(writer.folder().position == "1");
  BOOST_TEST(writer.folder().shards.size() == 1u);
  BOOST_TEST(contents(path).size() == before.size() + 5);
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_somebody_else_s_or_made_otherwise_is_refused) {
  const auto files = files_help::make(threads);
  const auto begin = [&](const io::ShardSettings& settings) { io::TokenShardWriter(*files, path, settings); };
  std::filesystem::create_directory(path);
  std::ofstream(path + "/shard-00000.bin") << "somebody's";
  BOOST_TEST(refuses("holds shard-00000.bin and no index.json", [&] { begin(settings_of(1000)); }));
  BOOST_TEST(text_of(path + "/shard-00000.bin") == "somebody's");
  std::filesystem::remove_all(path);

  write_folder(path, settings_of(1000), some_documents());
  BOOST_TEST(refuses("complete; nothing is left", [&] { begin(settings_of(1000)); }));
  io::ShardFolder folder = io::read_shard_folder(path);
  folder.complete = false;
  std::ofstream(path + "/index.json") << io::shard_folder_json(folder);
  begin(settings_of(1000));
  BOOST_TEST(refuses("another tokenizer (a tokenizer)", [&] { begin(settings_of(1001)); }));
  io::ShardSettings other = settings_of(1000);
  other.settings = "other";
  BOOST_TEST(refuses("other settings", [&] { begin(other); }));
  const std::string name = path + "/" + folder.shards[0].name;
  std::filesystem::rename(name + ".idx", temporary / "idx");
  BOOST_TEST(refuses("names shard-00000, and it is not there", [&] { begin(settings_of(1000)); }));
  std::filesystem::copy(path + "/shard-00001.idx", name + ".idx");
  BOOST_TEST(refuses("shard-00000.bin: damaged: ", [&] { begin(settings_of(1000)); }));
  std::filesystem::copy(path + "/shard-00001.bin", name + ".bin", std::filesystem::copy_options::overwrite_existing);
  BOOST_TEST(
      refuses("counts other documents and tokens than there are in shard-00000", [&] { begin(settings_of(1000)); }));
}

BOOST_AUTO_TEST_CASE(a_damaged_index_json_is_refused_wherever_the_damage_is) {
  write_folder(path, settings_of(1000), {{{1, 2}}, {count_to(30)}, {{3}}});
  const std::string json = text_of(path + "/index.json");
  const auto read = [&](const std::string& text) {
    std::ofstream(path + "/index.json", std::ios::binary) << text;
    io::read_shard_folder(path);
  };
  read(json);
  for (std::size_t size = 0; size + 1 < json.size(); ++size)
    BOOST_TEST(refuses("index.json: ", [&] { read(json.substr(0, size)); }), "cut off at byte " << size);
  for (std::size_t at = 0; at < json.size(); ++at) {
    std::string damaged = json;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    // White space behind the checksum says nothing, whatever it is.
    try {
      read(damaged);
      BOOST_TEST(at >= json.size() - 3);
    } catch (const io::CorpusError&) {
    }
  }
  BOOST_TEST(refuses("not the index of a folder of token shards", [&] { read("{}"); }));
  BOOST_TEST(!io::is_shard_folder(path));
  std::filesystem::remove(path + "/index.json");
  BOOST_TEST(refuses("no folder of token shards", [&] { io::read_shard_folder(path); }));
  BOOST_TEST(!io::is_shard_folder(path));
  BOOST_TEST(!io::is_shard_folder(temporary / "nowhere"));
}

BOOST_AUTO_TEST_CASE(newer_versions_are_refused_as_such) {
  write_folder(path, settings_of(1000), {{{1, 2}}});
  std::string json = text_of(path + "/index.json");
  json.replace(json.find("\"version\": 1"), 12, "\"version\": 2");
  std::ofstream(path + "/index.json") << json;
  BOOST_TEST(refuses("version 2 of token shards; this icosa knows 1; use a newer icosa",
                     [&] { io::read_shard_folder(path); }));
  BOOST_TEST(io::is_shard_folder(path));
  std::string index = text_of(path + "/shard-00000.idx");
  index[8] = 2;
  std::ofstream(path + "/shard-00000.idx") << index;
  BOOST_TEST(refuses("shard-00000.idx: version 2 of the shard index; this icosa knows 1; use a newer icosa",
                     [&] { io::read_token_file_header(path + "/shard-00000.bin", 1000); }));
}

BOOST_AUTO_TEST_CASE(damage_of_a_shard_is_found) {
  write_folder(path, settings_of(1000), {{{1, 2}}, {{}}, {{3}}});
  const io::ShardFolder folder = io::read_shard_folder(path);
  const std::string bin_path = path + "/shard-00000.bin";
  const std::string idx_path = path + "/shard-00000.idx";
  const std::string bin = text_of(bin_path);
  const std::string idx = text_of(idx_path);
  const auto header = [&] { io::read_token_file_header(bin_path, 1000); };
  const auto verify = [&] { io::verify_shard(path, folder, folder.shards[0]); };
  const auto write = [](const std::string& file, const std::string& text) { std::ofstream(file) << text; };
  header();
  verify();
  BOOST_TEST(refuses("made with a vocabulary of 1000 ids, and the tokenizer has 999",
                     [&] { io::read_token_file_header(bin_path, 999); }));
  for (std::size_t at = 0; at < bin.size(); ++at) {
    std::string damaged = bin;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write(bin_path, damaged);
    BOOST_TEST(refuses("shard-00000.bin: damaged: the checksum is wrong", verify));
  }
  write(bin_path, bin.substr(1));
  BOOST_TEST(refuses("shard-00000.bin: damaged: ", header));
  BOOST_TEST(refuses("shard-00000.bin: damaged: ", verify));
  write(bin_path, bin + "ab");
  BOOST_TEST(refuses("shard-00000.bin: damaged: ", header));
  write(bin_path, bin);
  for (std::size_t at = 0; at < idx.size(); ++at) {
    std::string damaged = idx;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    write(idx_path, damaged);
    BOOST_TEST(refuses("shard-00000.idx: ", verify), "byte " << at);
    if (at < 80) BOOST_TEST(refuses("shard-00000.idx: ", header), "byte " << at);
  }
  for (std::size_t size = 0; size < idx.size(); ++size) {
    write(idx_path, idx.substr(0, size));
    BOOST_TEST(refuses("shard-00000.idx: ", header), "cut off at byte " << size);
  }
  // What only shows when documents are read: ends that do not increase, and no end-of-text token where one ends.
  const auto found = [&] {
    const io::TokenFile file = io::read_token_file_header(bin_path, 1000).value();
    return Consumer(file, text_of(bin_path), text_of(idx_path), 9, 1000).read(pieces_of(3), pieces_of(8));
  };
  write(idx_path, idx.substr(0, 88) + little(3, 8) + little(6, 8));
  BOOST_TEST(found().back().reason == idx_path + ": damaged: document 1 would end at token 3, and begins at 3 of 6");
  write(idx_path, idx.substr(0, 80) + little(2, 8) + little(4, 8) + little(6, 8));
  const std::vector<Found> expected = {
      {{}, 0, 1, "the document does not end with the end-of-text token"}, {{9}, 2, 4, ""}, {{3}, 4, 6, ""}};
  BOOST_TEST(found() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
