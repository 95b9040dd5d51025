#include "io/corpus.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/io/corpus_help.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;
using namespace corpus_help;

BOOST_AUTO_TEST_SUITE(corpus)

BOOST_AUTO_TEST_CASE(a_folder_s_files_come_in_the_bytewise_order_of_their_origins) {
  Tree tree;
  for (const char* const name : {"d/b.txt", "d/a/z.txt", "d/a.txt", "d/a-b/c.txt", "d/a0", "d/\xC3\xA9", "d/B"})
    tree.file(name);
  const io::Corpus corpus = tree.find({"d"});
  const Names expected = {"B", "a-b/c.txt", "a.txt", "a/z.txt", "a0", "b.txt", "\xC3\xA9"};
  BOOST_TEST(origins(corpus) == expected, boost::test_tools::per_element());
  BOOST_TEST(corpus.sources[3].path == tree / "d/a/z.txt");
  BOOST_TEST(corpus.sources[3].size_bytes == 4u);
  BOOST_TEST(corpus.skips.empty());
}

BOOST_DATA_TEST_CASE(the_order_is_that_of_the_sorted_origins_for_any_names, data::make(seeds(20)), seed) {
  std::mt19937 random(seed);
  Tree tree;
  std::set<std::string> expected;
  const std::string letters = "ab.-0/\xFF";  // with '/' between those before it and behind it
  for (int i = 0; i < 60; ++i) {
    std::string name = "f";
    for (std::size_t length = random() % 5; length > 0; --length) name += letters[random() % 7];
    name += name.ends_with('/') ? "x" : "";
    if (name.find("/.") != name.npos || name.find("//") != name.npos) continue;
    try {
      tree.file("d/" + name);
    } catch (const std::filesystem::filesystem_error&) {
      continue;  // a file stands where a folder would have to be
    }
    if (std::filesystem::is_regular_file(tree / ("d/" + name))) expected.insert(name);
  }
  BOOST_TEST(origins(tree.find({"d"})) == Names(expected.begin(), expected.end()), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_is_known_by_its_name_however_it_is_given) {
  Tree tree;
  tree.file("d/sub/a.txt");
  BOOST_TEST(origins(tree.find({"d/sub/a.txt"})) == Names{"a.txt"}, boost::test_tools::per_element());
  BOOST_TEST(origins(tree.find({"d/sub"})) == Names{"a.txt"}, boost::test_tools::per_element());
  BOOST_TEST(origins(tree.find({"d/"})) == Names{"sub/a.txt"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(two_paths_may_give_the_same_origin) {
  Tree tree;
  tree.file("one/a.txt").file("two/a.txt");
  const io::Corpus corpus = tree.find({"two", "one"});
  BOOST_TEST(origins(corpus) == (Names{"a.txt", "a.txt"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.sources[0].path == tree / "two/a.txt");
  BOOST_TEST(corpus.left_out.repeated_count == 0u);
}

BOOST_AUTO_TEST_CASE(formats_follow_the_names) {
  Tree tree;
  tree.file("d/a.jsonl.zst").file("d/b.BIN").file("d/c.txt.gz");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_REQUIRE(corpus.sources.size() == 3u);
  BOOST_TEST((corpus.sources[0].format == io::Format::json_lines));
  BOOST_TEST((corpus.sources[0].compression == io::Compression::zstd));
  BOOST_TEST((corpus.sources[1].format == io::Format::tokens));
  BOOST_TEST((corpus.sources[2].format == io::Format::text));
  BOOST_TEST((corpus.sources[2].compression == io::Compression::gzip));
}

BOOST_AUTO_TEST_CASE(compressed_tokens_are_a_skip) {
  Tree tree;
  tree.file("d/a.bin.gz");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(corpus.sources.empty());
  BOOST_REQUIRE(corpus.skips.size() == 1u);
  BOOST_TEST(corpus.skips[0].path == tree / "d/a.bin.gz");
}

BOOST_AUTO_TEST_CASE(hidden_names_are_counted_unless_they_are_given) {
  Tree tree;
  tree.file("d/.a.txt").file("d/.b/c.txt").file("d/e.txt");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == Names{"e.txt"}, boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.hidden_count == 2u);
  const io::Corpus given = tree.find({"d/.a.txt", "d/.b"});
  BOOST_TEST(origins(given) == (Names{".a.txt", "c.txt"}), boost::test_tools::per_element());
  BOOST_TEST(given.left_out.hidden_count == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_counted_and_not_opened) {
  Tree tree;
  tree.file("d/a.txt").fifo("d/fifo").fifo("d/fifo.jsonl").fifo("d/index.json").listening_socket("d/socket");
  tree.link("d/nowhere", "gone").link("d/loop", "loop").link("d/to-fifo", "fifo").link("d/device", "/dev/zero");
  const io::Corpus corpus = tree.find({"d"});  // opening a FIFO would never end
  BOOST_TEST(origins(corpus) == Names{"a.txt"}, boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.special_count == 8u);
  BOOST_TEST(corpus.skips.empty());
}

BOOST_AUTO_TEST_CASE(links_to_folders_are_counted_and_not_followed) {
  Tree tree;
  tree.file("d/a.txt").file("d/sub/b.txt").link("d/up", "..").link("d/self", ".").link("d/again", "sub");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == (Names{"a.txt", "sub/b.txt"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.special_count == 3u);
  BOOST_TEST(corpus.left_out.repeated_count == 0u);
}

BOOST_AUTO_TEST_CASE(links_out_of_the_tree_are_counted_and_not_followed) {
  Tree tree;
  tree.file("d/a.txt").file("dx/secret.txt").link("d/b.txt", "../dx/secret.txt").link("d/c.txt", "/etc/passwd");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == Names{"a.txt"}, boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.special_count == 2u);
}

BOOST_AUTO_TEST_CASE(a_link_within_the_tree_repeats_its_file_and_the_first_name_counts) {
  Tree tree;
  tree.file("d/b.txt")
      .link("d/a.txt", "b.txt")
      .link("d/c.txt", tree / "d/b.txt")
      .file("d/.store/e")
      .link("d/e.txt", ".store/e");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == (Names{"a.txt", "e.txt"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.repeated_count == 2u);
  BOOST_TEST(corpus.left_out.special_count == 0u);
}

BOOST_AUTO_TEST_CASE(a_folder_given_by_a_link_is_a_tree_of_its_own) {
  Tree tree;
  tree.file("real/a.txt").link("real/b.txt", "a.txt").link("d", "real").link("f.txt", "real/a.txt");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == Names{"a.txt"}, boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.repeated_count == 1u);
  const io::Corpus file = tree.find({"f.txt"});
  BOOST_TEST(origins(file) == Names{"f.txt"}, boost::test_tools::per_element());
  BOOST_TEST(file.sources[0].size_bytes == 4u);
}

BOOST_AUTO_TEST_CASE(of_hard_links_the_first_name_counts) {
  Tree tree;
  tree.file("d/z.txt").file("d/x/other.txt");
  BOOST_REQUIRE(::link((tree / "d/z.txt").c_str(), (tree / "d/x/first.txt").c_str()) == 0);
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == (Names{"x/first.txt", "x/other.txt"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.repeated_count == 1u);
}

BOOST_AUTO_TEST_CASE(paths_that_overlap_give_every_file_once) {
  Tree tree;
  tree.file("d/a.txt").file("d/sub/b.txt");
  BOOST_TEST(tree.find({"d", "d"}).left_out.repeated_count == 2u);
  const io::Corpus corpus = tree.find({"d/sub/b.txt", "d"});
  BOOST_TEST(origins(corpus) == (Names{"b.txt", "a.txt"}), boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.repeated_count == 1u);
}

BOOST_AUTO_TEST_CASE(names_may_hold_newlines_and_bytes_that_are_not_utf8) {
  Tree tree;
  tree.file("d/a\nb.txt").file("d/\xFF\xFE/\xC3.jsonl");
  BOOST_TEST(origins(tree.find({"d"})) == (Names{"a\nb.txt", "\xFF\xFE/\xC3.jsonl"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_tree_deeper_than_the_system_s_paths_is_a_skip) {
  const Tree tree;
  tree.folder("d");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(tree / "d");
  for (int level = 0; level < 10'000; ++level) {
    BOOST_REQUIRE(::mkdir("d", 0700) == 0);
    BOOST_REQUIRE(::chdir("d") == 0);
    if (level == 1'000) std::ofstream("file.txt") << "text";
  }
  std::filesystem::current_path(before);
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(corpus.sources.size() == 1u);
  BOOST_REQUIRE(corpus.skips.size() == 1u);
  BOOST_TEST(corpus.skips[0].reason == "the folder cannot be read: File name too long");
  // std::filesystem removes such a tree by recursion.
  std::filesystem::current_path(tree / "d");
  while (::chdir("d") == 0) continue;
  while (::chdir("..") == 0 && ::rmdir("d") == 0) continue;
  std::filesystem::current_path(before);
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_read_is_a_skip, *boost::unit_test::precondition([](auto) {
                       return boost::test_tools::assertion_result(::geteuid() != 0);  // root reads everything
                     })) {
  Tree tree;
  tree.file("d/shut/a.txt").file("d/b.txt");
  ::chmod((tree / "d/shut").c_str(), 0);
  const io::Corpus corpus = tree.find({"d"});
  ::chmod((tree / "d/shut").c_str(), 0700);
  BOOST_TEST(origins(corpus) == Names{"b.txt"}, boost::test_tools::per_element());
  BOOST_REQUIRE(corpus.skips.size() == 1u);
  BOOST_TEST(corpus.skips[0].reason == "the folder cannot be read: Permission denied");
}

BOOST_AUTO_TEST_CASE(paths_that_cannot_be_a_corpus_are_refused_in_one_line) {
  Tree tree;
  tree.fifo("fifo").link("nowhere", "gone").link("loop", "loop");
  BOOST_CHECK_EXCEPTION(tree.find({"gone"}), io::CorpusError, says(tree / "gone: No such file or directory; give"));
  BOOST_CHECK_EXCEPTION(tree.find({"fifo"}), io::CorpusError, says("fifo: neither a folder nor a regular file"));
  BOOST_CHECK_EXCEPTION(tree.find({"nowhere"}), io::CorpusError, says("nowhere: No such file or directory"));
  BOOST_CHECK_EXCEPTION(tree.find({"loop"}), io::CorpusError, says("loop: Too many levels of symbolic links"));
  BOOST_CHECK_EXCEPTION(tree.find({"a\nb\x01\xFF"}), io::CorpusError, says("a\\nb\\x01\xEF\xBF\xBD: No such file"));
  BOOST_CHECK_EXCEPTION(io::find_corpus({""}), io::CorpusError, says("\"\": No such file"));
  BOOST_CHECK_EXCEPTION(io::find_corpus({std::string("a\0b", 3)}), io::CorpusError, says("zero byte"));
}

BOOST_AUTO_TEST_CASE(an_index_beside_its_tokens_is_a_companion) {
  Tree tree;
  tree.file("d/a.bin")
      .file("d/a.idx")
      .file("d/a-b.BIN")
      .file("d/a-b.IDX")
      .file("d/alone.idx")
      .folder("d/folder.bin")
      .file("d/folder.idx");
  const io::Corpus corpus = tree.find({"d"});
  BOOST_TEST(origins(corpus) == (Names{"a-b.BIN", "a.bin", "alone.idx", "folder.idx"}),
             boost::test_tools::per_element());
  BOOST_TEST(corpus.left_out.companions_count == 2u);
  BOOST_TEST(tree.find({"d/a.bin", "d/a.idx"}).left_out.companions_count == 1u);
  BOOST_TEST(tree.find({"d/alone.idx"}).sources.size() == 1u);
}

BOOST_AUTO_TEST_CASE(fractions_are_fixed_for_good) {
  // XXH3_64bits of the bytes, its upper 53 bits.
  BOOST_TEST(io::origin_fraction("") == static_cast<double>(0x2D06800538D394C2u >> 11) * 0x1p-53);
  BOOST_TEST(io::record_fraction("a.jsonl", 0) == io::origin_fraction("a.jsonl"));
}

BOOST_AUTO_TEST_CASE(records_of_a_file_spread_evenly) {
  int below = 0;
  constexpr int count = 20'000;
  for (int i = 0; i < count; ++i) {
    const double fraction = io::record_fraction("a.jsonl", static_cast<std::uint64_t>(i) * 100);
    BOOST_REQUIRE((fraction >= 0 && fraction < 1));
    below += fraction < 0.1;
  }
  BOOST_TEST(below > 1'800);  // 4.7 standard deviations
  BOOST_TEST(below < 2'200);
}

BOOST_AUTO_TEST_CASE(counts_of_what_is_left_out_add_up) {
  io::LeftOut all{1, 2, 3, 4};
  all += {10, 20, 30, 40};
  BOOST_TEST(all.hidden_count == 11u);
  BOOST_TEST(all.special_count == 22u);
  BOOST_TEST(all.repeated_count == 33u);
  BOOST_TEST(all.companions_count == 44u);
}

BOOST_AUTO_TEST_SUITE_END()
