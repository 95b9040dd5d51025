// Corpora given by patterns and lists, and folders that `tokenize` wrote.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/path_list.hpp"
#include "io/shard_folder.hpp"
#include "tests/io/corpus_help.hpp"

namespace data = boost::unit_test::data;
using namespace corpus_help;

BOOST_AUTO_TEST_SUITE(patterns)

namespace {

struct Pattern {
  std::string pattern;
  Names paths;  // of the sources
};
std::ostream& operator<<(std::ostream& out, const Pattern& pattern) {
  return out << pattern.pattern;
}

const std::vector<Pattern> patterns_of_a_tree = {
    {"*.txt", {"a.txt", "b.txt"}},
    {"?.txt", {"a.txt", "b.txt"}},
    {"[b-z]*.txt", {"b.txt"}},
    {"[!a].txt", {"b.txt"}},
    {"a*", {"a.txt", "aa/c.txt", "aa/deep/d.jsonl"}},  // a file and a folder
    {"*/", {"aa/c.txt", "aa/deep/d.jsonl", "bb/c.txt", "bb/deep/deep/e.txt"}},
    {"*/c.txt", {"aa/c.txt", "bb/c.txt"}},
    {"*//c.txt", {"aa/c.txt", "bb/c.txt"}},
    {"**", {"a.txt", "aa/c.txt", "aa/deep/d.jsonl", "b.txt", "bb/c.txt", "bb/deep/deep/e.txt"}},
    {"**/*.txt", {"a.txt", "aa/c.txt", "b.txt", "bb/c.txt", "bb/deep/deep/e.txt"}},
    {"**/**/c.txt", {"aa/c.txt", "bb/c.txt"}},
    {"**/deep/**/*", {"aa/deep/d.jsonl", "bb/deep/deep/e.txt"}},
    {"**/deep/**/e.txt", {"bb/deep/deep/e.txt"}},
    {"bb/**/deep", {"bb/deep/deep/e.txt"}},
    {"a[a]/../b?/c.txt", {"aa/../bb/c.txt"}},
    {".hidden/*.txt", {".hidden/h.txt"}},
    {".h*/*", {".hidden/h.txt"}},
    {"*.tx\\t", {"a.txt", "b.txt"}},
};

}  // namespace

BOOST_DATA_TEST_CASE(match_what_they_should_in_bytewise_order, data::make(patterns_of_a_tree), sample) {
  Tree tree;
  for (const char* const name : {"a.txt", "b.txt", "aa/c.txt", "aa/deep/d.jsonl", "bb/c.txt", "bb/deep/deep/e.txt",
                                 ".hidden/h.txt", "aa/.hidden.txt"})
    tree.file(name);
  Names expected, found;
  for (const std::string& path : sample.paths) expected.push_back(tree / path);
  const io::Corpus corpus = tree.find({sample.pattern});
  for (const io::Source& source : corpus.sources) found.push_back(source.path);
  BOOST_TEST(found == expected, boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.repeated_count == 0u);
}

BOOST_AUTO_TEST_CASE(name_files_by_their_names_and_what_is_below_folders_from_there) {
  Tree tree;
  tree.file("d/x1/sub/a.txt").file("d/x2.txt");
  BOOST_TEST(origins(tree.find({"d/x*"})) == (Names{"sub/a.txt", "x2.txt"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(that_are_the_name_of_a_file_are_that_file) {
  Tree tree;
  tree.file("a[1]*.txt").file("a1.txt");
  BOOST_TEST(origins(tree.find({"a[1]*.txt"})) == Names{"a[1]*.txt"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(that_match_nothing_are_refused) {
  Tree tree;
  tree.file("d/a.txt").file("d/.b.txt");
  for (const char* const pattern : {"d/*.jsonl", "*/*/*", "gone/*", "d/a.txt/*", "d/[", "d/*b.txt", "**/x", "d/*/"})
    BOOST_CHECK_EXCEPTION(tree.find({pattern}), io::CorpusError, says("nothing matches it as a pattern"));
}

BOOST_AUTO_TEST_CASE(follow_links_to_files_and_count_other_links_and_specials) {
  Tree tree;
  tree.file("out/x.txt")
      .file("d/a.txt")
      .link("d/b.txt", "../out/x.txt")
      .link("d/c.txt", "gone")
      .link("d/e.txt", "../out");
  tree.fifo("d/f.txt");
  const io::Corpus corpus = tree.find({"d/*.txt"});
  BOOST_TEST(origins(corpus) == (Names{"a.txt", "b.txt"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.special_count == 3u);
}

BOOST_AUTO_TEST_CASE(do_not_go_round_in_circles) {
  Tree tree;
  tree.file("d/a.txt").link("d/up", "..").link("d/self", ".");
  const io::Corpus corpus = tree.find({"**/*.txt"});
  BOOST_TEST(origins(corpus) == Names{"a.txt"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(with_many_wildcards_end_soon) {
  Tree tree;
  std::string name;
  for (int level = 0; level < 30; ++level) name += "d/";
  tree.file(name + "a.txt");
  std::string pattern;
  for (int i = 0; i < 10; ++i) pattern += "**/d/";  // a hundred million ways
  BOOST_TEST(tree.find({pattern + "a.txt"}).sources.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lists)

BOOST_AUTO_TEST_CASE(hold_a_path_on_each_line) {
  const std::vector<io::ListedPath> paths =
      io::paths_of_list("\xEF\xBB\xBF# a comment\r\n\none.txt\r\n \t\r\n two and a half \n#three\nfour#");
  BOOST_REQUIRE(paths.size() == 3u);
  BOOST_TEST(paths[0].path == "one.txt");
  BOOST_TEST(paths[0].line == 3u);
  BOOST_TEST(paths[1].path == " two and a half ");
  BOOST_TEST(paths[1].line == 5u);
  BOOST_TEST(paths[2].path == "four#");
  BOOST_TEST(paths[2].line == 7u);
}

BOOST_AUTO_TEST_CASE(name_files_folders_and_patterns_in_their_order) {
  Tree tree;
  tree.file("z.txt").file("d/sub/a.txt").file("p1.txt").file("p2.txt");
  tree.file("list", (tree / "z.txt") + "\n" + (tree / "p*.txt") + "\n\n" + (tree / "d") + "\n" + (tree / "z.txt"));
  const io::Corpus corpus = tree.find({"@list"});
  BOOST_TEST(origins(corpus) == (Names{"z.txt", "p1.txt", "p2.txt", "sub/a.txt"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.repeated_count == 1u);
}

BOOST_AUTO_TEST_CASE(are_relative_to_the_working_directory) {
  Tree tree;
  tree.file("a.txt").file("lists/list", "a.txt\n");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(tree / ".");
  const Names found = origins(io::find_corpus({"@lists/list"}));
  std::filesystem::current_path(before);
  BOOST_TEST(found == Names{"a.txt"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(are_refused_with_list_and_line) {
  Tree tree;
  tree.file("a.txt").fifo("fifo").file("missing", (tree / "a.txt") + "\n\ngone.txt\n");
  tree.file("nested", "@a.txt").file("pattern", "#\n" + (tree / "*.jsonl")).file("special", tree / "fifo");
  tree.file("zero", std::string("a\0b", 3)).file("empty", "# nothing\n\n");
  const std::vector<std::pair<std::string, std::string>> refusals = {
      {"@missing", "missing:3: gone.txt: No such file"},
      {"@nested", "nested:1: @a.txt: a list names no other list"},
      {"@pattern", "*.jsonl: nothing has that name"},
      {"@pattern", "pattern:2: "},
      {"@special", "special:1: "},
      {"@zero", "zero:1: a\\x00b: a path has no zero byte"},
      {"@empty", "empty: the list names no path"},
      {"@gone", "gone: No such file or directory; give a file with one path per line"},
      {"@.", ": not a regular file"},
      {"@fifo", "fifo: not a regular file"},
  };
  for (const auto& [path, text] : refusals) BOOST_CHECK_EXCEPTION(tree.find({path}), io::CorpusError, says(text));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(token_folders)

namespace {

/// The index of a folder with two shards.
std::string two_shards() {
  io::ShardFolder folder;
  folder.vocabulary = {"bytes", 1, 257, 256};
  for (std::size_t number = 0; number < 2; ++number) folder.shards.push_back({io::shard_name(number), {}, 0, 0});
  return io::shard_folder_json(folder);
}

}  // namespace

BOOST_AUTO_TEST_CASE(give_the_shards_of_their_index_in_its_order) {
  Tree tree;
  tree.file("d/t/index.json", two_shards())
      .file("d/t/skipped.jsonl")
      .file("d/t/shard-00000.bin")
      .file("d/t/shard-00000.idx")
      .file("d/t/shard-00001.bin");
  tree.file("d/t/shard-00001.idx").file("d/t/a stray.bin").file("d/t/below/c.txt").file("d/a.txt").file("d/z.txt");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == (Names{"a.txt", "t/shard-00000.bin", "t/shard-00001.bin", "t/below/c.txt", "z.txt"}),
             boost::test_tools::per_element());
  BOOST_TEST((corpus.sources[1].format == io::Format::tokens));
  BOOST_TEST(corpus.left_out.companions_count == 5u);
  BOOST_TEST(corpus.skips.empty());
}

BOOST_AUTO_TEST_CASE(have_companions_that_are_no_documents_under_any_path) {
  Tree tree;
  tree.file("t/index.json", two_shards()).file("t/skipped.jsonl").file("t/shard-00000.bin").file("t/shard-00000.idx");
  const io::Corpus corpus = tree.find({"t/*"});
  BOOST_TEST(origins(corpus) == (Names{"shard-00000.bin"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.companions_count == 3u);
}

BOOST_AUTO_TEST_CASE(with_another_index_are_folders_like_any_other) {
  for (const char* const index : {R"({"format": "icosa"})", "", "{"}) {
    Tree tree;
    tree.file("d/index.json", index).file("d/a.bin").file("d/a.idx").file("d/skipped.jsonl");
    const io::Corpus corpus = tree.find({"d"});
    BOOST_TEST(origins(corpus) == (Names{"a.bin", "index.json", "skipped.jsonl"}), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(without_a_shard_of_their_index_have_a_skip) {
  Tree tree;
  tree.file("t/index.json", two_shards()).file("t/shard-00000.bin").fifo("t/shard-00001.bin");
  const io::Corpus corpus = tree.find({"t"});
  BOOST_TEST(origins(corpus) == Names{"shard-00000.bin"}, boost::test_tools::per_element());
  BOOST_REQUIRE(corpus.skips.size() == 1u);
  BOOST_TEST(corpus.skips[0].path == tree / "t/shard-00001.bin");
  BOOST_TEST(corpus.left_out.special_count == 1u);
}

BOOST_AUTO_TEST_CASE(with_a_damaged_index_give_no_shard_and_a_skip) {
  std::string damaged = two_shards();
  damaged.replace(damaged.find("shard-00001"), 11, "shard-00007");
  for (const std::string& index : {damaged, two_shards().substr(0, 200)}) {
    Tree tree;
    tree.file("t/index.json", index).file("t/shard-00000.bin");
    const io::Corpus corpus = tree.find({"t"});
    BOOST_TEST(corpus.sources.empty());
    BOOST_REQUIRE(corpus.skips.size() == 1u);
    BOOST_TEST(corpus.skips[0].reason.find("damaged") != std::string::npos, corpus.skips[0].reason);
    BOOST_TEST(corpus.left_out.companions_count == 2u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
