#pragma once

// Learns the merges of a byte-level BPE from the counts of a corpus' words: over and over, the pair of neighbouring
// tokens that stands most often becomes a token. Knows no file and no thread; the result is a function of the counts
// and the options alone, the same as that of Hugging Face's BpeTrainer (tokenizers 0.23, `initial_alphabet` all bytes):
//
//   - ids: the special tokens, then the 256 bytes in the order of the byte-level alphabet, then a new one each merge;
//   - among pairs of the same count the one of the lower left id goes first, then of the lower right id;
//   - a pair's count is brought up to date when it comes to the top; a pair that was merged keeps its count;
//   - a merge whose text is a token already makes that token. Pairs with it may come up a second time; then the later
//     rank counts.
//
// Where counts pass 2^31 theirs wrap around; these do not.
//   Source of the method: Sennrich et al. 2016, algorithm 1.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/bpe_counts.hpp"
#include "io/bpe_model.hpp"

namespace io {

struct BpeTrainerOptions {
  std::size_t vocabulary_size = 0;            ///< with the special tokens and the 256 bytes
  std::uint64_t min_frequency = 0;            ///< pairs that stand less often are not merged
  std::size_t token_bytes_max = SIZE_MAX;     ///< a new pair must be shorter than this; the first pairs need not be
  SplitPattern pattern = SplitPattern::gpt2;  ///< what cut the text into the words
  std::vector<std::string> special_tokens;    ///< different, in order of their ids; the end of text among them
};

class BpeTrainer {
 public:
  /// Takes the words over. The options are those that `check` lets pass.
  BpeTrainer(BpeCounts counts, BpeTrainerOptions options);
  ~BpeTrainer();

  /// Throws TokenizerError, one line, for options that no tokenizer can have.
  static void check(const BpeTrainerOptions& options);

  /// Does up to `merges_count_max` merges; false when the vocabulary is full or no pair is left.
  ///   Throws TokenizerError where a merge would make the text of a special token.
  bool train(std::size_t merges_count_max);

  /// Tokens so far.
  std::size_t vocabulary_size() const noexcept;
  /// Tokens that the counted corpus has with the merges so far.
  std::uint64_t corpus_tokens() const noexcept;

  /// The tokens and merges so far. `pairs` is not filled: what encodes is made of the tokenizer.json.
  BpeModel model(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace io
