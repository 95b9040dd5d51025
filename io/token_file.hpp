#pragma once

// What a file of tokens is: where in it the tokens begin, how wide they are, how many there are, and where its
// documents are written down, if anywhere. Four kinds are known: shards of our own (docs/formats.md), llm.c, raw ids as
// nanoGPT writes them, and Megatron. Looked at before a run begins; TokenDocuments then reads the tokens.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/tokenizer.hpp"

namespace io {

/// What the headers say; no tokens are held.
struct TokenFile {
  enum class Kind : std::uint8_t { icosa, llm_c, raw, megatron };

  Kind kind = Kind::raw;
  unsigned token_bytes = 2;  ///< 1, 2, 4 or 8
  bool is_signed = false;
  std::uint64_t first_token_offset_bytes = 0;
  std::uint64_t tokens_count = 0;
  std::string description;  ///< for people: "Megatron, 2 documents of 7 int32 tokens in all"

  /// The file that says where documents end; empty where an end-of-text token does.
  std::string index_path;
  std::uint64_t documents_count = 0;  ///< of the index
  std::uint64_t sequences_count = 0;  ///< of the index: Megatron's documents are made of these
  /// As the index has it; only shards of our own say so.
  std::optional<TokenId> end_of_text;
};

/// Whether a file with this name holds tokens: it ends in ".bin".
bool is_token_file_name(const std::string& path);

/// Whether this is the index (".idx") of a token file that lies beside it: no corpus by itself.
bool is_token_index_name(const std::string& path);

/// Looks at a file of tokens and at the index beside it, where there is one. Reads a few kilobytes by blocking calls:
/// before a run begins.
///   vocabulary_size: of the tokenizer in use; 0 where there is none. It decides what the bytes cannot.
///   Returns nothing where the name says that it holds no tokens.
///   Throws CorpusError where the name says so and the content does not: a size that is no whole number of tokens, a
///   header that counts other than the file holds, an index that points outside, a version that is not known, another
///   vocabulary; FileError where it cannot be read.
///   Sources: karpathy/llm.c dev/data/data_common.py; NVIDIA/Megatron-LM megatron/core/datasets/indexed_dataset.py.
std::optional<TokenFile> read_token_file_header(const std::string& path, std::size_t vocabulary_size);

/// The first position in `ids` whose id is negative or not below `vocabulary_size`; nothing where all are good.
std::optional<std::size_t> first_bad_id(std::span<const TokenId> ids, std::size_t vocabulary_size) noexcept;

/// Appends the ids that `bytes` hold. An id that does not fit becomes a negative one, which belongs to no vocabulary.
///   Requires whole tokens: bytes.size() % file.token_bytes == 0.
void append_ids(const TokenFile& file, std::span<const std::byte> bytes, std::vector<TokenId>& ids);

}  // namespace io
