#pragma once

// The committed texts with their GPT-2 ids (tests/io/data/README.md).

#include <simdjson.h>

#include <string>
#include <vector>

#include "io/tokenizer.hpp"

struct TokenVector {
  std::string tag;
  std::string text;
  std::vector<io::TokenId> ids;
};

inline std::vector<TokenVector> read_token_vectors() {
  simdjson::dom::parser parser;
  simdjson::dom::document_stream lines;
  const simdjson::padded_string file = simdjson::padded_string::load(ICOSA_TEST_DATA "/gpt2_tokens.jsonl");
  if (parser.parse_many(file, 1 << 20).get(lines)) throw std::runtime_error("gpt2_tokens.jsonl");
  std::vector<TokenVector> vectors;
  for (const simdjson::dom::element line : lines) {
    TokenVector vector{std::string(std::string_view(line["tag"])), std::string(std::string_view(line["text"])), {}};
    for (const auto id : simdjson::dom::array(line["gpt2"]))
      vector.ids.push_back(static_cast<io::TokenId>(std::int64_t(id)));
    vectors.push_back(std::move(vector));
  }
  return vectors;
}
