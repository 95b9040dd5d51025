#include "io/pretoken_encoder.hpp"

#include <algorithm>
#include <cstring>

namespace io {

/// Keys of a batch, and the lines they are in asked for. Returns where the batch ends.
std::uint32_t PretokenEncoder::look_up(std::string_view text, std::uint32_t begin,
                                       std::span<const std::uint32_t> ends) {
  for (std::size_t i = 0; i < ends.size(); ++i) {
    Lookup& lookup = lookups_[i];
    const std::size_t bytes = ends[i] - begin;
    lookup.begin = begin;
    if (bytes > PretokenKey::bytes_max) {
      const std::uint64_t hash = LongPretokenCache::hash_of(text.substr(begin, bytes));
      lookup.key = PretokenKey::of_long(hash);
      lookup.bucket = 0;
      shared_->seen_long.prefetch(hash);
    } else {
      if (begin + 16 <= text.size()) {
        lookup.key = PretokenKey::of(text.data() + begin, bytes);
      } else {
        char sixteen[16] = {};
        std::memcpy(sixteen, text.data() + begin, bytes);
        lookup.key = PretokenKey::of(sixteen, bytes);
      }
      lookup.bucket = ShortPretokenCache::bucket_of(lookup.key);
      short_.prefetch(lookup.bucket);
    }
    begin = ends[i];
  }
  return begin;
}

/// Byte pair encoding, or a token as it stands.
void PretokenEncoder::merge(std::string_view pretoken, std::vector<TokenId>& ids) {
  const WholeTokens::Found whole = shared_->whole.find(pretoken);
  if (whole.answer == WholeTokens::Answer::yes) {
    ids.push_back(whole.id);
    return;
  }
  const std::size_t before = ids.size();
  bytes_.encode(shared_->model->pairs, pretoken, ids);
  if (whole.answer == WholeTokens::Answer::unknown)
    shared_->whole.learn(whole.id, ids.size() == before + 1 && ids.back() == whole.id);
}

/// What the encoder's own cache does not have.
void PretokenEncoder::encode_new(const Lookup& lookup, std::string_view pretoken, std::vector<TokenId>& ids) {
  PretokenIds short_known;
  if (!lookup.key.is_long() && shared_->seen.find(lookup.key, short_known)) {
    TokenId out[PretokenIds::count_max];
    ids.insert(ids.end(), out, out + short_known.read(out));
    short_.put(lookup.bucket, lookup.key, short_known);
    return;
  }
  const std::uint64_t hash = lookup.key.is_long() ? lookup.key.low : LongPretokenCache::hash_of(pretoken);
  const std::span<const TokenId> known = shared_->seen_long.find(hash, pretoken);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const std::size_t before = ids.size();
  merge(pretoken, ids);
  const std::span<const TokenId> made = std::span(ids).subspan(before);
  if (lookup.key.is_long() || !PretokenIds::fit(made)) {
    shared_->seen_long.put(hash, pretoken, made);
    return;
  }
  short_known = PretokenIds::of(made);
  short_.put(lookup.bucket, lookup.key, short_known);
  shared_->seen.put(lookup.key, short_known);
}

/// The ids of those that the encoder's own cache has. Returns how many it has not; their indices in `misses_`.
std::size_t PretokenEncoder::find_known(std::size_t count) noexcept {
  std::size_t misses_count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Lookup& lookup = lookups_[i];
    misses_[misses_count] = static_cast<std::uint8_t>(i);
    // No branch can guess whether it is there.
    misses_count += short_.find(lookup.bucket, lookup.key, lookup.ids) ? 0 : 1;
  }
  for (std::size_t i = 0; i < misses_count; ++i) {
    const PretokenKey& key = lookups_[misses_[i]].key;
    if (key.is_long()) {
      shared_->seen_long.prefetch_entry(key.low);
    } else {
      shared_->seen.prefetch(key);
    }
  }
  return misses_count;
}

void PretokenEncoder::encode(std::string_view text, std::span<const std::uint32_t> ends, std::vector<TokenId>& ids) {
  std::uint32_t begin = 0;
  for (std::size_t first = 0; first < ends.size(); first += batch) {
    const std::span<const std::uint32_t> some = ends.subspan(first, std::min(batch, ends.size() - first));
    begin = look_up(text, begin, some);
    const std::size_t misses_count = find_known(some.size());
    std::size_t i = 0;
    for (std::size_t miss = 0; miss <= misses_count; ++miss) {
      const std::size_t known_end = miss == misses_count ? some.size() : misses_[miss];
      TokenId known[batch * PretokenIds::count_max];
      TokenId* out = known;
      for (; i < known_end; ++i) out += lookups_[i].ids.read(out);
      ids.insert(ids.end(), known, out);
      if (i == some.size()) break;
      encode_new(lookups_[i], text.substr(lookups_[i].begin, some[i] - lookups_[i].begin), ids);
      ++i;
    }
  }
}

}  // namespace io
