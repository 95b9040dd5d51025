#pragma once

// Pre-tokens to ids, many at a time: the lines of the cache that a batch needs come from memory side by side.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "io/bpe.hpp"
#include "io/bpe_model.hpp"
#include "io/long_pretoken_cache.hpp"
#include "io/pretoken_cache.hpp"
#include "io/shared_pretoken_cache.hpp"
#include "io/whole_tokens.hpp"

namespace io {

class PretokenEncoder {
 public:
  /// What all encoders of a tokenizer share.
  struct Shared {
    explicit Shared(std::shared_ptr<const BpeModel> of) : model(std::move(of)), whole(*model) {}

    std::shared_ptr<const BpeModel> model;
    WholeTokens whole;
    mutable SharedPretokenCache seen;
    mutable LongPretokenCache seen_long;
  };

  explicit PretokenEncoder(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  /// Appends the ids of the pre-tokens that follow one another in `text` and end at `ends`.
  void encode(std::string_view text, std::span<const std::uint32_t> ends, std::vector<TokenId>& ids);

 private:
  static constexpr std::size_t batch = 64;

  struct Lookup {
    PretokenKey key;
    PretokenIds ids;
    std::uint32_t bucket;
    std::uint32_t begin;
  };

  std::uint32_t look_up(std::string_view text, std::uint32_t begin, std::span<const std::uint32_t> ends);
  std::size_t find_known(std::size_t count) noexcept;
  void encode_new(const Lookup& lookup, std::string_view pretoken, std::vector<TokenId>& ids);
  void merge(std::string_view pretoken, std::vector<TokenId>& ids);

  std::shared_ptr<const Shared> shared_;
  ShortPretokenCache short_;
  BytePairEncoder bytes_;
  Lookup lookups_[batch];
  std::uint8_t misses_[batch];
};

}  // namespace io
