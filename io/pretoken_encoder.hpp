#pragma once

// Pre-tokens to ids, many at a time: the lines of the cache that a batch needs come from memory side by side.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "io/bpe.hpp"
#include "io/bpe_model.hpp"
#include "io/pretoken_cache.hpp"
#include "io/whole_tokens.hpp"

namespace io {

class PretokenEncoder {
 public:
  /// Borrows both.
  PretokenEncoder(const BpeModel& model, const WholeTokens& whole) : model_(model), whole_(whole) {}

  /// Appends the ids of the pre-tokens that follow one another in `text` and end at `ends`.
  void encode(std::string_view text, std::span<const std::uint32_t> ends, std::vector<TokenId>& ids);

 private:
  static constexpr std::size_t batch = 64;

  struct Lookup {
    ShortPretokenCache::Key key;
    std::uint32_t bucket;
    std::uint32_t begin;
  };

  std::uint32_t look_up(std::string_view text, std::uint32_t begin, std::span<const std::uint32_t> ends);
  void encode_new(const Lookup& lookup, std::string_view pretoken, std::vector<TokenId>& ids);
  void encode_rare(std::string_view pretoken, std::vector<TokenId>& ids);
  void merge(std::string_view pretoken, std::vector<TokenId>& ids);

  const BpeModel& model_;
  const WholeTokens& whole_;
  ShortPretokenCache short_;
  LongPretokenCache long_;
  BytePairEncoder bytes_;
  Lookup lookups_[batch];
};

}  // namespace io
