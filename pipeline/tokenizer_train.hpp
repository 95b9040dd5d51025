#pragma once

// `icosa tokenizer train`, and the vocabulary that `icosa train` learns where none is named: learns a byte-level BPE
// from a corpus. Every core counts words, one thread reads; then one core learns the merges, and the tokenizer.json
// takes its place in one step. The file is a function of the documents and the options, whatever the order of the
// documents and the number of cores.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/prepare.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

struct TokenizerTrainResult {
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;            ///< of their text
  std::vector<io::Skip> skips;        ///< folders that cannot be read among them
  std::uint64_t words = 0;            ///< pre-tokens, each as often as it was met
  std::uint64_t different_words = 0;  ///< each once
  std::size_t vocabulary_size = 0;    ///< less than asked for where no pair was left
  std::size_t merges = 0;
  std::uint64_t corpus_tokens = 0;  ///< that the corpus has with this tokenizer, without ends of text
  io::LeftOut left_out;
  std::uint64_t files_found = 0;
  std::uint64_t binaries_count = 0;
  std::size_t cores_count = 0;
  io::FileCounters files;
  std::string files_description;
  double counting_seconds = 0;
  double learning_seconds = 0;
  double seconds = 0;
  std::string json;          ///< the tokenizer.json
  bool interrupted = false;  ///< nothing was learned or written

  double bytes_per_token() const noexcept;
};

/// Finds the documents, learns and writes. Throws what went wrong, each with one line for the user.
TokenizerTrainResult train_tokenizer(TokenizerTrainSettings settings);

/// Learns from `material`, and writes where `settings.out` names a file. Of no words nothing is learned.
///   Requires options that io::BpeTrainer::check takes.
TokenizerTrainResult learn_tokenizer(const TokenizerTrainSettings& settings, Material material);

/// The summary as one JSON object, and for people.
std::string summary_json(const TokenizerTrainResult& result);
std::string summary_text(const TokenizerTrainResult& result, const TokenizerTrainSettings& settings);

}  // namespace pipeline
