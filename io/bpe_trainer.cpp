#include "io/bpe_trainer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "io/bpe_words.hpp"
#include "io/byte_level.hpp"
#include "io/error.hpp"
#include "io/pair_counts.hpp"

namespace io {
namespace {

/// The bytes in the order of the characters that stand for them.
std::array<unsigned char, 256> alphabet() {
  std::array<unsigned char, 256> bytes;
  for (unsigned i = 0; i < 256; ++i) bytes[i] = static_cast<unsigned char>(i);
  const auto text = [](unsigned char byte) { return byte_level_text(std::string(1, static_cast<char>(byte))); };
  // UTF-8 sorts as code points do.
  std::sort(bytes.begin(), bytes.end(), [&](unsigned char a, unsigned char b) { return text(a) < text(b); });
  return bytes;
}

/// A pair that may be merged, with its count when it was noted, and where it stands.
struct Candidate {
  std::int64_t count;
  PairKey pair;
  const WordIndex* words;
  std::uint32_t words_count;
  std::uint32_t step;  // the merge that brought it up: the same pair may come up twice
};

/// For a heap whose first element is to be merged next.
bool goes_later(const Candidate& a, const Candidate& b) noexcept {
  if (a.count != b.count) return a.count < b.count;
  if (a.pair != b.pair) return a.pair > b.pair;
  return a.step > b.step;
}

}  // namespace

struct BpeTrainer::State {
  State(BpeCounts counts, BpeTrainerOptions given) : options(std::move(given)) {
    tokens = options.special_tokens;
    for (std::uint32_t id = 0; id < tokens.size(); ++id)
      if (const auto bytes = byte_level_bytes(tokens[id])) ids.emplace(*bytes, id);
    std::array<std::uint32_t, 256> byte_ids;
    for (const unsigned char byte : alphabet()) {
      byte_ids[byte] = static_cast<std::uint32_t>(tokens.size());
      tokens.emplace_back(1, static_cast<char>(byte));
      ids.emplace(tokens.back(), byte_ids[byte]);
    }
    words.emplace(std::move(counts), byte_ids, std::max(options.vocabulary_size, tokens.size()));
    take(words->first_pairs());
  }

  void take(const std::vector<PairChange>& changes) {
    for (const PairChange& change : changes) pair_counts.add(change.pair, change.change);
    const auto step = static_cast<std::uint32_t>(merges.size());
    for (const PairChange& change : changes) {
      if (change.words.empty()) continue;
      const std::int64_t count = pair_counts.count(change.pair);
      if (count <= 0) continue;
      queue.push_back({count, change.pair, change.words.data(), static_cast<std::uint32_t>(change.words.size()), step});
      std::push_heap(queue.begin(), queue.end(), goes_later);
    }
  }

  /// The candidate whose count is right and the highest; nothing where no pair is left.
  std::optional<Candidate> next() {
    while (!queue.empty()) {
      std::pop_heap(queue.begin(), queue.end(), goes_later);
      Candidate& top = queue.back();
      const std::int64_t count = pair_counts.count(top.pair);
      if (count == top.count) {
        const Candidate found = top;
        queue.pop_back();
        if (count < 1 || static_cast<std::uint64_t>(count) < options.min_frequency) return std::nullopt;
        return found;
      }
      top.count = count;
      std::push_heap(queue.begin(), queue.end(), goes_later);
    }
    return std::nullopt;
  }

  /// The token of this text: the one there is, or a new one.
  std::uint32_t token_of(std::string text) {
    const auto [known, fresh] = ids.try_emplace(std::move(text), static_cast<std::uint32_t>(tokens.size()));
    if (fresh) tokens.push_back(known->first);
    if (known->second < options.special_tokens.size())
      throw TokenizerError("the special token " + options.special_tokens[known->second] +
                           " is a word of the corpus too; take one that the split cuts, such as <|" +
                           options.special_tokens[known->second] + "|>");
    return known->second;
  }

  BpeTrainerOptions options;
  std::vector<std::string> tokens;                     // the bytes of each id
  std::unordered_map<std::string, std::uint32_t> ids;  // the way back, of what can come up
  std::optional<BpeWords> words;
  PairCounts pair_counts;
  std::vector<Candidate> queue;  // a heap
  std::vector<Merge> merges;
};

BpeTrainer::BpeTrainer(BpeCounts counts, BpeTrainerOptions options) {
  check(options);
  state_ = std::make_unique<State>(std::move(counts), std::move(options));
}

BpeTrainer::~BpeTrainer() = default;

void BpeTrainer::check(const BpeTrainerOptions& options) {
  const std::vector<std::string>& special = options.special_tokens;
  std::unordered_set<std::string> different;
  for (const std::string& text : special) {
    const auto bytes = byte_level_bytes(text);
    if (text.empty() || (bytes && bytes->size() < 2))
      throw TokenizerError("the special token \"" + text + "\" is too short: give at least two characters");
    if (!different.insert(text).second) throw TokenizerError("the special token " + text + " is given twice");
  }
  if (std::find(special.begin(), special.end(), end_of_text_text) == special.end())
    throw TokenizerError("there is no special token " + std::string(end_of_text_text) + ", which ends documents");
  const std::size_t least = special.size() + 256;
  constexpr std::size_t most = std::size_t{1} << 30;
  if (options.vocabulary_size < least || options.vocabulary_size > most)
    throw TokenizerError("a vocabulary of " + std::to_string(options.vocabulary_size) + " ids: it can have from " +
                         std::to_string(least) + " (256 bytes and " + std::to_string(special.size()) +
                         " special tokens) to " + std::to_string(most));
}

bool BpeTrainer::train(std::size_t merges_count_max) {
  State& state = *state_;
  for (std::size_t done = 0; done < merges_count_max; ++done) {
    if (state.tokens.size() >= state.options.vocabulary_size) return false;
    const std::optional<Candidate> candidate = state.next();
    if (!candidate) return false;
    const PairKey pair = candidate->pair;
    const std::uint32_t merged = state.token_of(state.tokens[left_of(pair)] + state.tokens[right_of(pair)]);
    state.merges.push_back(
        {static_cast<TokenId>(left_of(pair)), static_cast<TokenId>(right_of(pair)), static_cast<TokenId>(merged)});
    state.take(
        state.words->merge(pair, merged, {candidate->words, candidate->words_count}, state.options.token_bytes_max));
  }
  return true;
}

std::size_t BpeTrainer::vocabulary_size() const noexcept {
  return state_->tokens.size();
}

std::uint64_t BpeTrainer::corpus_tokens() const noexcept {
  return state_->words->tokens_total();
}

BpeModel BpeTrainer::model(const std::string& name) const {
  const State& state = *state_;
  BpeModel model;
  model.name = name;
  model.pattern = state.options.pattern;
  model.tokens = state.tokens;
  for (std::size_t id = 0; id < state.options.special_tokens.size(); ++id) {
    model.special_tokens.push_back(static_cast<TokenId>(id));
    if (state.tokens[id] == end_of_text_text) model.end_of_text = static_cast<TokenId>(id);
  }
  // A pair that was merged twice has the rank of its last merge.
  std::unordered_set<PairKey> seen;
  for (auto merge = state.merges.rbegin(); merge != state.merges.rend(); ++merge)
    if (seen.insert(pair_key(static_cast<std::uint32_t>(merge->left), static_cast<std::uint32_t>(merge->right))).second)
      model.merges.push_back(*merge);
  std::reverse(model.merges.begin(), model.merges.end());
  return model;
}

}  // namespace io
