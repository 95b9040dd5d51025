// Every form of file that load_tokenizer reads, and everything it refuses.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "io/byte_level.hpp"
#include "io/error.hpp"
#include "io/json_string.hpp"
#include "io/known_ranks.hpp"
#include "io/tiktoken_file.hpp"
#include "io/tokenizer.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;
namespace fs = std::filesystem;

namespace {

using Ids = std::vector<io::TokenId>;

/// A new folder, removed at the end of the case.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "icosa-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(path / name, std::ios::binary) << content;
    return (path / name).string();
  }
  fs::path path;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, "not there: " << from);
  return text.replace(at, from.size(), to);
}

std::string byte_vocabulary() {
  std::string json;
  for (int byte = 0; byte < 256; ++byte) {
    io::append_json_string(json, io::byte_level_text(std::string(1, static_cast<char>(byte))));
    json += ": " + std::to_string(byte) + ", ";
  }
  return json;
}

std::string small_vocabulary() {
  return "{" + byte_vocabulary() + R"("ab": 256, "abc": 257, "<|endoftext|>": 258})";
}

/// A small tokenizer.json that is right; the tests below break it.
std::string small_json() {
  return R"({"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 258, "content": "<|endoftext|>", "special": true}],
    "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
    "post_processor": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
      "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
      "vocab": )" +
         small_vocabulary() + R"(, "merges": ["a b", ["ab", "c"]]}})";
}

/// The file's or folder's name, then the reason, in one line.
auto says(const std::string& name, const std::string& reason) {
  return [=](const io::TokenizerError& error) {
    const std::string text = error.what();
    BOOST_TEST_MESSAGE(text);
    return text.starts_with(name) && text.find(reason) != std::string::npos && text.find('\n') == std::string::npos;
  };
}

struct Change {
  const char* from;
  const char* to;
  const char* reason;
};
std::ostream& operator<<(std::ostream& out, const Change& change) {
  return out << change.reason;
}

const std::vector<Change> refused_json = {
    {R"("truncation": null)", R"("truncation": {"max_length": 5})", "truncation without a type is not supported"},
    {R"("padding": null)", R"("padding": {"strategy": "x"})", "padding without a type is not supported"},
    {R"("normalizer": null)", R"("normalizer": {"type": "NFKC"})", "normalizer NFKC is not supported"},
    {R"("normalizer": null)", R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}]})",
     "normalizer Lowercase is not supported"},
    {R"("normalizer": null)", R"("normalizer": "NFC")", "normalizer is not supported"},
    {R"("pre_tokenizer": {"type": "ByteLevel")", R"("pre_tokenizer": {"type": "Metaspace")",
     "pre_tokenizer Metaspace is not supported"},
    {R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true})",
     R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits"}]})",
     "pre_tokenizer without ByteLevel is not supported"},
    {R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true})",
     R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": false},
        {"type": "Digits"}]})",
     "pre_tokenizer Digits after ByteLevel is not supported"},
    {R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true})",
     R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"})",
     "pre_tokenizer Split: the regular expression (a is not supported"},
    {R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true})",
     R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Torn"})",
     "pre_tokenizer Split behavior \"Torn\" is not supported"},
    {R"("pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true})",
     R"("pre_tokenizer": null)", "there is no pre_tokenizer"},
    {R"("add_prefix_space": false)", R"("add_prefix_space": true)", "add_prefix_space=true is not supported"},
    {R"("trim_offsets": true})", R"("use_regex": false})", "use_regex=false is not supported with merges"},
    {R"("trim_offsets": true})", R"("use_regex": 5})", "use_regex is not a boolean"},
    {R"("trim_offsets": true})", R"("magic": true})", "pre_tokenizer option magic is not supported"},
    {R"("post_processor": {"type": "ByteLevel"})", R"("post_processor": {"type": "BertProcessing"})",
     "post_processor BertProcessing is not supported"},
    {R"("decoder": {"type": "ByteLevel"})", R"("decoder": {"type": "WordPiece"})",
     "decoder WordPiece is not supported"},
    {R"("version": "1.0")", R"("version": "1.0", "magic": 1)", "option magic is not supported"},
    {R"("type": "BPE")", R"("type": "Unigram")", "model Unigram is not supported"},
    {R"("type": "BPE")", R"("type": 5)", "the model's type is not a text"},
    {R"("dropout": null)", R"("dropout": 0.1)", "model dropout is not supported"},
    {R"("continuing_subword_prefix": "")", R"("continuing_subword_prefix": "##")", "continuing_subword_prefix"},
    {R"("end_of_word_suffix": "")", R"("end_of_word_suffix": "</w>")", "model end_of_word_suffix is not supported"},
    {R"("byte_fallback": false)", R"("byte_fallback": true)", "model byte_fallback is not supported"},
    {R"("ignore_merges": false)", R"("ignore_merges": 1)", "model ignore_merges is not a boolean"},
    {R"("fuse_unk": false)", R"("magic": true)", "model option magic is not supported"},
    {R"("special": true)", R"("special": false, "lstrip": true)",
     "the added token \"<|endoftext|>\": lstrip=true is not supported"},
    {R"("special": true)", R"("special": false, "single_word": true)", "single_word=true is not supported"},
    {R"("special": true)", R"("special": true, "magic": true)",
     "the added token \"<|endoftext|>\": option magic is not supported"},
    {R"({"id": 258, "content")", R"({"content")", "an added token has no content or no id"},
    {R"("added_tokens": [)", R"("added_tokens": 5, "x": [)", "option x is not supported"},
    {R"({"id": 258, "content": "<|endoftext|>")", R"({"id": 259, "content": "<|endoftext|>")",
     "has two ids, 259 and 258"},
    {R"("content": "<|endoftext|>")", R"("content": "")", "a special token is empty"},
    {R"("added_tokens": [)", R"("added_tokens": [{"id": 257, "content": "x\ny", "special": true}, )",
     "the id 257 stands for both \"abc\" and \"x\\ny\""},
    {R"("vocab": {)", R"("vocab": 5, "merges": {)", "there is no vocab"},
    {R"("model": {)", R"("model": 5, "version": {)", "there is no model"},
    {R"("ab": 256)", R"("ab": "256")", "the id of the token \"ab\" is not an integer"},
    {R"("ab": 256)", R"("ab": -1)", "the id -1 of \"ab\" is out of range"},
    {R"("ab": 256)", R"("ab": 2147483647)", "the id 2147483647 of \"ab\" is out of range"},
    {R"("ab": 256)", R"("ab": 518)", "there is an id 518, but only 259 tokens: most ids have no token"},
    {R"("ab": 256)", R"("ab": 257)", "the id 257 stands for both \"ab\" and \"abc\""},
    {R"("ab": 256)", R"("a": 256)", "the token \"a\" stands twice"},
    {R"("ab": 256)", R"("a b": 256)", "is not in the byte-level alphabet"},
    {R"("ab": 256)", R"("中": 256)", "is not in the byte-level alphabet"},
    {R"("ab": 256)", R"("": 256)", "is not in the byte-level alphabet"},
    {R"("A": 65, )", R"("Axx": 65, )", "there is no token for the byte 65 (\"A\")"},
    {R"("a b", )", R"("ab", )", "merge 1: not a merge"},
    {R"("a b", )", R"("a  b", )", "merge 1: not a merge"},
    {R"("a b", )", R"(" ab", )", "merge 1: not a merge"},
    {R"("a b", )", R"("ab ", )", "merge 1: not a merge"},
    {R"("a b", )", R"(5, )", "merge 1: neither a text nor two"},
    {R"(["ab", "c"])", R"(["ab"])", "merge 2: neither a text nor two"},
    {R"("a b", )", R"("a x", )", "merge 1: the merge needs the token \"ax\", which is not there"},
    {R"("a b", )", R"("a b", "a b", )", "merge 2: the merge stands twice"},
    {R"("a b", )", R"("<|endoftext| >", )", "merge 1: the merge makes the special token"},
    {R"("merges": [)", R"("merges": 5, "fuse_unk": [)", "there is no array of merges"},
};

const std::vector<Change> refused_tiktoken = {
    {"IQ== 0\n", "I*== 0\n", "line 1: the token is not base64"},
    {"IQ== 0\n", "IQ= 0\n", "line 1: the token is not base64"},
    {"IQ== 0\n", " 0\n", "line 1: the token is not base64"},
    {"Ig== 1\n", "Ig==\n", "line 2: there is no rank"},
    {"Ig== 1\n", "Ig== x\n", "line 2: there is no rank"},
    {"Ig== 1\n", "Ig== 1 2\n", "line 2: there is no rank"},
    {"Ig== 1\n", "Ig== -1\n", "line 2: there is no rank"},
    {"Ig== 1\n", "Ig== 0\n", "line 2: the rank 0 stands twice"},
    {"Ig== 1\n", "IQ== 1\n", "line 2: the token stands twice"},
    {"Ig== 1\n", "Ig== 99999\n", "line 2: the rank is 99999"},
    {"IHQ= 256\n", "", "the rank 256 is missing"},
    {"Ig== 1\n", "\n", "there is no token for the byte 34"},
    {"Ig== 1\n", "IiIiIiIi 1\n", "there is no token for the byte 34"},
    {"IGdhemVk 50255\n", "IGdhemVkZQ== 50255\n",
     "these ranks are not known (those of gpt2, p50k, cl100k and o200k are); give --pattern"},
    {"IGdhemVk 50255\n", "", "a .tiktoken file holds no split pattern"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(tokenizer_files)

BOOST_AUTO_TEST_CASE(the_small_json_is_right) {
  const auto tokenizer = io::tokenizer_from_json(small_json(), "small");
  BOOST_TEST(tokenizer->encode("xabcab") == (Ids{120, 257, 256}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer->description() == "small, 259 ids");
  BOOST_TEST(tokenizer->end_of_text() == 258);
}

BOOST_AUTO_TEST_CASE(special_tokens_may_stand_outside_the_vocabulary) {
  const std::string json = replaced(small_json(), R"(, "<|endoftext|>": 258)", "");
  BOOST_TEST(io::tokenizer_from_json(json, "small")->bytes_of(258) == "<|endoftext|>");
}

BOOST_DATA_TEST_CASE(a_json_with_what_is_not_supported_or_wrong_is_refused, data::make(refused_json), change) {
  const std::string json = replaced(small_json(), change.from, change.to);
  BOOST_CHECK_EXCEPTION(io::tokenizer_from_json(json, "small"), io::TokenizerError, says("small: ", change.reason));
}

BOOST_AUTO_TEST_CASE(what_is_not_a_tokenizer_json_is_refused) {
  BOOST_CHECK_EXCEPTION(io::tokenizer_from_json("{", "x"), io::TokenizerError, says("x: ", "is not JSON"));
  BOOST_CHECK_EXCEPTION(io::tokenizer_from_json("", "x"), io::TokenizerError, says("x: ", "is not JSON"));
  BOOST_CHECK_EXCEPTION(io::tokenizer_from_json("[1]", "x"), io::TokenizerError, says("x: ", "it holds no object"));
  BOOST_CHECK_EXCEPTION(io::tokenizer_from_json("{}", "x"), io::TokenizerError,
                        says("x: ", "there is no pre_tokenizer"));
  const std::string no_end =
      replaced(replaced(small_json(), R"({"id": 258, "content": "<|endoftext|>", "special": true})", ""),
               "<|endoftext|>", "abx");
  BOOST_CHECK_EXCEPTION(io::tokenizer_from_json(no_end, "x"), io::TokenizerError,
                        says("x: ", "there is no token \"<|endoftext|>\", which ends documents"));
}

BOOST_AUTO_TEST_CASE(ranks_are_known_by_content_whatever_the_file_is_called) {
  const Folder folder;
  const std::string file = folder.write("cl100k_base.tiktoken", io::embedded_gpt2_ranks());
  BOOST_TEST(io::load_tokenizer(file)->description() == "gpt2, 50257 ids");
}

BOOST_AUTO_TEST_CASE(ranks_may_stand_in_any_order_with_any_line_ends) {
  const Folder folder;
  std::string text = replaced(std::string(io::embedded_gpt2_ranks()), "IQ== 0\n", "");
  const std::string file = folder.write("x.tiktoken", text + "\r\nIQ== 0\r\n\n");
  BOOST_TEST(io::load_tokenizer(file)->description() == "gpt2, 50257 ids");
}

/// p50k is GPT-2's ranks, a gap where the end of text is, and runs of 2 to 25 spaces.
BOOST_AUTO_TEST_CASE(p50k_is_known_though_its_ranks_have_a_gap) {
  const auto base64_of_spaces = [](std::size_t count) {
    std::string text;
    for (; count >= 3; count -= 3) text += "ICAg";
    return text + (count == 2 ? "ICA=" : count == 1 ? "IA==" : "");
  };
  std::string ranks(io::embedded_gpt2_ranks());
  for (std::size_t count = 2; count <= 25; ++count)
    ranks += base64_of_spaces(count) + " " + std::to_string(50255 + count) + "\n";
  const Folder folder;
  const auto tokenizer = io::load_tokenizer(folder.write("x.tiktoken", ranks));
  BOOST_TEST(tokenizer->description() == "p50k, 50281 ids");
  BOOST_TEST(tokenizer->end_of_text() == 50256);
  BOOST_TEST(tokenizer->encode(std::string(27, ' ') + "a\n   b") == (Ids{50271, 50265, 257, 198, 50257, 275}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_pattern_is_for_ranks_that_are_not_known) {
  const Folder folder;
  const std::string gpt2(io::embedded_gpt2_ranks());
  const std::string known = folder.write("known.tiktoken", gpt2);
  const std::string other = folder.write("other.tiktoken", replaced(gpt2, "IGdhemVk 50255\n", ""));
  const auto split = [&](const char* pattern) { return io::load_tokenizer(other, pattern)->encode("12345"); };
  BOOST_TEST(split("gpt2") == io::load_tokenizer("gpt2")->encode("12345"), boost::test_tools::per_element());
  BOOST_TEST(split("qwen2") == (Ids{16, 17, 18, 19, 20}), boost::test_tools::per_element());
  BOOST_TEST(io::load_tokenizer(other, "llama3")->end_of_text() == 50255);
  BOOST_TEST(io::load_tokenizer(known, "r50k_base")->description() == "gpt2, 50257 ids");
  const auto refused = [](const std::string& name, const std::string& pattern, const char* begins, const char* reason) {
    BOOST_CHECK_EXCEPTION(io::load_tokenizer(name, pattern), io::TokenizerError, says(begins, reason));
  };
  refused(known, "cl100k", known.c_str(), "these are the ranks of gpt2, which are split by the pattern gpt2");
  refused(other, "words", "--pattern words", "no split pattern has this name");
  refused("bytes", "gpt2", "--pattern gpt2", "bytes has a split pattern of its own");
  refused(folder.write("x.json", small_json()), "gpt2", "--pattern gpt2", "only a *.tiktoken file takes one");
}

BOOST_AUTO_TEST_CASE(ranks_of_tokens_that_are_made_of_later_ones_are_refused) {
  const Folder folder;
  const std::string gpt2(io::embedded_gpt2_ranks());
  const std::string in_order = folder.write("in_order.tiktoken", gpt2 + "cXp4 50256\ncXp4ag== 50257\n");
  BOOST_TEST(io::load_tokenizer(in_order, "gpt2")->encode("qzxjq") == (Ids{50257, 80}),
             boost::test_tools::per_element());
  // By the rank of what is made "qzxjq" becomes the same "qzx" and then "qzxj", whose rank is lower now.
  const std::string not_in_order = folder.write("x.tiktoken", gpt2 + "cXp4ag== 50256\ncXp4 50257\n");
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(not_in_order, "gpt2"), io::TokenizerError,
                        says(not_in_order + ": ", "not in the order of merges, which is not supported: rank 50256"));
  // What nothing makes is a token where a whole pre-token is one.
  const std::string alone = folder.write("alone.tiktoken", gpt2 + "cXp4ag== 50256\n");
  BOOST_TEST(io::load_tokenizer(alone, "gpt2")->encode("qzxj") == (Ids{50256}), boost::test_tools::per_element());
  BOOST_TEST(io::load_tokenizer(alone, "gpt2")->encode("qzxjq") == (Ids{80, 42592, 73, 80}),
             boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(ranks_that_are_wrong_or_not_known_are_refused, data::make(refused_tiktoken), change) {
  const Folder folder;
  const std::string file =
      folder.write("gpt2.tiktoken", replaced(std::string(io::embedded_gpt2_ranks()), change.from, change.to));
  BOOST_CHECK_EXCEPTION(io::load_tokenizer(file), io::TokenizerError, says(file + ": ", change.reason));
}

BOOST_AUTO_TEST_CASE(vocabulary_and_merges_give_the_ids_of_gpt2) {
  const auto model = io::model_of_ranks(io::parse_tiktoken(io::embedded_gpt2_ranks(), "gpt2"), "gpt2");
  std::string vocabulary = "{", merges = "#version: 0.2\n";
  for (std::size_t id = 0; id < model->tokens.size(); ++id) {
    if (id > 0) vocabulary += ", ";
    io::append_json_string(vocabulary, io::byte_level_text(model->tokens[id]));
    vocabulary += ": " + std::to_string(id);
  }
  for (const io::Merge& merge : model->merges)
    merges +=
        io::byte_level_text(model->token(merge.left)) + " " + io::byte_level_text(model->token(merge.right)) + "\n";
  const Folder folder;
  folder.write("vocab.json", vocabulary + "}");
  folder.write("merges.txt", merges);
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false})");
  BOOST_TEST((io::load_tokenizer(folder.path.string())->to_json() == io::load_tokenizer("gpt2")->to_json()));
}

BOOST_AUTO_TEST_CASE(a_folder_with_a_tokenizer_json_is_read_by_it) {
  const Folder folder;
  folder.write("tokenizer.json", small_json());
  folder.write("vocab.json", "{}");
  folder.write("merges.txt", "x");
  BOOST_TEST(io::load_tokenizer(folder.path.string())->vocabulary_size() == 259u);
}

BOOST_AUTO_TEST_CASE(folders_that_do_not_fit_together_are_refused) {
  const Folder folder;
  const std::string name = folder.path.string();
  const auto refused = [&](const char* reason) {
    BOOST_CHECK_EXCEPTION(io::load_tokenizer(name), io::TokenizerError, says(name, reason));
  };
  refused("neither tokenizer.json nor vocab.json and merges.txt");
  folder.write("vocab.json", "[]");
  refused("neither tokenizer.json nor vocab.json and merges.txt");
  folder.write("merges.txt", "");
  refused("vocab.json is not a JSON object");
  folder.write("vocab.json", R"({"a": "b"})");
  refused("vocab.json: the id of \"a\" is not an integer");
  folder.write("vocab.json", small_vocabulary());
  refused("merges.txt: is empty");
  folder.write("merges.txt", "#version: 0.2\na b\nab c d\n");
  refused("merges.txt, line 3: not a merge");
  folder.write("merges.txt", "#version: 0.2\r\na b\r\n\r\nab c\r\n");
  BOOST_TEST(io::load_tokenizer(name)->encode("abc") == (Ids{257}), boost::test_tools::per_element());
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "Qwen2Tokenizer"})");
  refused("tokenizer_class Qwen2Tokenizer is not supported without a tokenizer.json");
  folder.write("tokenizer_config.json", R"({"add_prefix_space": true})");
  refused("add_prefix_space is not supported");
  folder.write("tokenizer_config.json", "x");
  refused("tokenizer_config.json is not a JSON object");
}

BOOST_AUTO_TEST_CASE(files_that_are_no_tokenizer_are_refused) {
  const Folder folder;
  const auto refused = [&](const std::string& file, const char* reason) {
    BOOST_CHECK_EXCEPTION(io::load_tokenizer(file), io::TokenizerError, says(file + ": ", reason));
  };
  refused("gpt3", "no tokenizer has this name (bytes and gpt2 are built in), and there is no such file");
  refused("", "no tokenizer has this name");
  refused((folder.path / "missing.json").string(), "there is no such file");
  refused(folder.write("empty.json", ""), "is empty");
  refused(folder.write("empty.tiktoken", ""), "is empty");
  refused(folder.write("words.json", "hello"), "is not JSON");
  refused(folder.write("model.bin", "x"), "the kind of file is not known");
  refused(folder.write("vocab.json", "{}"), "name the folder");
  refused(folder.write("merges.txt", "a b"), "name the folder");
  refused("/dev/null", "is not a file");
  const std::string huge = folder.write("huge.json", "x");
  fs::resize_file(huge, (256u << 20) + 1);  // a hole: it takes no room
  refused(huge, "is no tokenizer: it has 268435457 bytes");
}

BOOST_AUTO_TEST_SUITE_END()
