#include "io/pretoken_encoder.hpp"

#include <algorithm>
#include <cstring>

namespace io {
namespace {

constexpr std::uint32_t no_bucket = UINT32_MAX;  // of a pre-token that is too long for a key

}  // namespace

/// Keys of a batch, and the lines they are in asked for. Returns where the batch ends.
std::uint32_t PretokenEncoder::look_up(std::string_view text, std::uint32_t begin,
                                       std::span<const std::uint32_t> ends) {
  for (std::size_t i = 0; i < ends.size(); ++i) {
    Lookup& lookup = lookups_[i];
    const std::size_t bytes = ends[i] - begin;
    lookup.begin = begin;
    if (bytes > ShortPretokenCache::key_bytes_max) {
      lookup.bucket = no_bucket;
    } else {
      if (begin + 16 <= text.size()) {
        lookup.key = ShortPretokenCache::key_of(text.data() + begin, bytes);
      } else {
        char sixteen[16] = {};
        std::memcpy(sixteen, text.data() + begin, bytes);
        lookup.key = ShortPretokenCache::key_of(sixteen, bytes);
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
  const WholeTokens::Found whole = whole_.find(pretoken);
  if (whole.answer == WholeTokens::Answer::yes) {
    ids.push_back(whole.id);
    return;
  }
  const std::size_t before = ids.size();
  bytes_.encode(model_.pairs, pretoken, ids);
  if (whole.answer == WholeTokens::Answer::unknown)
    whole_.learn(whole.id, ids.size() == before + 1 && ids.back() == whole.id);
}

void PretokenEncoder::encode_rare(std::string_view pretoken, std::vector<TokenId>& ids) {
  const std::span<const TokenId> known = long_.find(pretoken);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const std::size_t before = ids.size();
  merge(pretoken, ids);
  const std::span<const TokenId> made = std::span(ids).subspan(before);
  if (pretoken.size() > ShortPretokenCache::key_bytes_max || !ShortPretokenCache::fits(made)) long_.put(pretoken, made);
}

void PretokenEncoder::encode_new(const Lookup& lookup, std::string_view pretoken, std::vector<TokenId>& ids) {
  const std::size_t before = ids.size();
  encode_rare(pretoken, ids);
  const std::span<const TokenId> made = std::span(ids).subspan(before);
  if (lookup.bucket != no_bucket && ShortPretokenCache::fits(made)) short_.put(lookup.bucket, lookup.key, made);
}

void PretokenEncoder::encode(std::string_view text, std::span<const std::uint32_t> ends, std::vector<TokenId>& ids) {
  std::uint32_t begin = 0;
  for (std::size_t first = 0; first < ends.size(); first += batch) {
    const std::span<const std::uint32_t> some = ends.subspan(first, std::min(batch, ends.size() - first));
    begin = look_up(text, begin, some);
    TokenId known[batch * ShortPretokenCache::ids_count_max];
    TokenId* out = known;
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Lookup& lookup = lookups_[i];
      const ShortPretokenCache::Entry* const entry =
          lookup.bucket == no_bucket ? nullptr : short_.find(lookup.bucket, lookup.key);
      if (entry != nullptr) {
        out += entry->read(out);
        continue;
      }
      ids.insert(ids.end(), known, out);
      out = known;
      encode_new(lookup, text.substr(lookup.begin, some[i] - lookup.begin), ids);
    }
    ids.insert(ids.end(), known, out);
  }
}

}  // namespace io
