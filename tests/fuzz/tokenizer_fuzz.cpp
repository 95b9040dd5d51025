// Tokenizers take any bytes, give the same ids however the text is cut, and restore it where nothing is normalized or
// removed; a tokenizer.json may hold any bytes too: it is loaded or refused. Not built by meson; clang only:
//
//   clang++-16 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I.
//     -DICOSA_TEST_DATA='"tests/io/data"' -DICOSA_GPT2_RANKS='"datasets/gpt2/gpt2.tiktoken"' -o /tmp/tokenizer_fuzz
//     tests/fuzz/tokenizer_fuzz.cpp
//     io/{added_tokens,ascii_masks_simd,bpe,bpe_builder,bpe_model,bpe_tokenizer,byte_level,byte_tokenizer}.cpp
//     io/{character_masks,embedded_gpt2,error,gpt2_scanner,json_options,json_string,known_ranks,load_tokenizer,long_pretoken_cache}.cpp
//     io/{merges,nfc,pre_tokenizer_json,pretoken_encoder,shared_pretoken_cache,split_matcher,split_patterns,split_regex,split_sequence}.cpp
//     io/{tiktoken_file,tokenizer,tokenizer_file,tokenizer_from_json,tokenizer_json,unicode_tables,utf8}.cpp
//     io/{vocabulary_and_merges,whole_tokens,word_scanner}.cpp -lhwy -lpcre2-8 -lsimdjson -lutf8proc -lxxhash
//   /tmp/tokenizer_fuzz -max_len=400 -max_total_time=180 FOLDER        (run where tests/ is)
//
// The first byte says which tokenizer, the second how the text is cut, the others are the text; above the tokenizers
// the others are a tokenizer.json, the best of them made by changing one that is right.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/error.hpp"
#include "io/tokenizer.hpp"

namespace {

using Ids = std::vector<io::TokenId>;

struct Style {
  const char* name;
  bool restores;  // nothing is normalized or removed
};
constexpr Style styles[] = {{"gpt2", true},     {"llama3", true},    {"qwen2", false}, {"o200k", true},
                            {"deepseek", true}, {"starcoder", true}, {"falcon", true}, {"merged", false}};

struct Loaded {
  Style style;
  std::shared_ptr<const io::Tokenizer> tokenizer;
  std::unique_ptr<io::Encoder> encoders[2];
};

std::vector<Loaded> load_all() {
  std::vector<Loaded> all;
  for (const Style& style : styles) {
    Loaded& loaded = all.emplace_back();
    loaded.style = style;
    loaded.tokenizer = io::load_tokenizer(std::string(ICOSA_TEST_DATA "/tokenizers/") + style.name + ".json");
    loaded.encoders[0] = loaded.tokenizer->encoder();
    loaded.encoders[1] = loaded.tokenizer->encoder_of_special_tokens();
  }
  return all;
}

Ids encoded(io::Encoder& encoder, std::string_view text, std::size_t piece_bytes) {
  Ids ids;
  for (std::size_t at = 0; at < text.size(); at += piece_bytes) encoder.encode(text.substr(at, piece_bytes), ids);
  encoder.finish(ids);
  return ids;
}

void check(Loaded& loaded, std::string_view text, std::uint8_t cut) {
  for (const auto& encoder : loaded.encoders) {
    const Ids whole = encoded(*encoder, text, text.size() + 1);
    const Ids pieces = encoded(*encoder, text, 1 + cut % 37);
    const bool lost = loaded.style.restores && loaded.tokenizer->decode(whole) != text;
    if (whole == pieces && !lost) continue;
    std::fprintf(stderr, "%s: %s\n", loaded.style.name, lost ? "the text is not restored" : "the pieces tell");
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::vector<Loaded> all = load_all();
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t which = data[0] % (all.size() + 1);
  if (which < all.size()) {
    check(all[which], text, data[1]);
    return 0;
  }
  try {
    io::tokenizer_from_json(text, "fuzz");
  } catch (const io::TokenizerError&) {
  }
  return 0;
}
