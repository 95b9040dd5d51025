#include "io/bpe.hpp"

#include <algorithm>

namespace io {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

/// The definition word for word, with the steps of all neighbours kept at hand.
void encode_short(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids) {
  TokenId tokens[BytePairEncoder::short_bytes_max];
  MergeTable::Step steps[BytePairEncoder::short_bytes_max];  // steps[i] merges tokens[i] and tokens[i + 1]
  std::size_t count = pretoken.size();
  for (std::size_t i = 0; i < count; ++i) tokens[i] = pairs.byte_ids[static_cast<unsigned char>(pretoken[i])];
  for (std::size_t i = 0; i + 1 < count; ++i) steps[i] = pairs.merges.find(tokens[i], tokens[i + 1]);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (steps[i].rank < steps[best].rank) best = i;
    }
    if (steps[best].rank == MergeTable::no_rank) break;
    tokens[best] = steps[best].merged;
    std::copy(tokens + best + 2, tokens + count, tokens + best + 1);
    if (best + 2 < count) std::copy(steps + best + 2, steps + count - 1, steps + best + 1);
    --count;
    if (best > 0) steps[best - 1] = pairs.merges.find(tokens[best - 1], tokens[best]);
    if (best + 1 < count) steps[best] = pairs.merges.find(tokens[best], tokens[best + 1]);
  }
  ids.insert(ids.end(), tokens, tokens + count);
}

}  // namespace

void BytePairEncoder::encode(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids) {
  if (pretoken.size() <= short_bytes_max) {
    encode_short(pairs, pretoken, ids);
  } else {
    encode_long(pairs, pretoken, ids);
  }
}

void BytePairEncoder::note(const BytePairs& pairs, std::size_t at) {
  const std::size_t next = nodes_[at].next;
  if (next == nowhere) return;
  const TokenId left = nodes_[at].id, right = nodes_[next].id;
  const MergeTable::Step step = pairs.merges.find(left, right);
  if (step.rank == MergeTable::no_rank) return;
  candidates_.push_back({step.rank, left, right, step.merged, at});
  std::push_heap(candidates_.begin(), candidates_.end(), Later{});
}

void BytePairEncoder::encode_long(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids) {
  const std::size_t count = pretoken.size();
  nodes_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    nodes_[i] = {pairs.byte_ids[static_cast<unsigned char>(pretoken[i])], i == 0 ? nowhere : i - 1,
                 i + 1 == count ? nowhere : i + 1};
  }
  for (std::size_t i = 0; i < count; ++i) note(pairs, i);
  while (!candidates_.empty()) {
    std::pop_heap(candidates_.begin(), candidates_.end(), Later{});
    const Candidate candidate = candidates_.back();
    candidates_.pop_back();
    // A merge nearby may have taken one of the two meanwhile. Where both are as they were, the merge still holds.
    Node& left = nodes_[candidate.at];
    if (left.id != candidate.left || left.next == nowhere || nodes_[left.next].id != candidate.right) continue;
    Node& right = nodes_[left.next];
    left.id = candidate.merged;
    right.id = -1;
    left.next = right.next;
    if (left.next != nowhere) nodes_[left.next].previous = candidate.at;
    if (left.previous != nowhere) note(pairs, left.previous);
    note(pairs, candidate.at);
  }
  for (std::size_t at = 0; at != nowhere; at = nodes_[at].next) ids.push_back(nodes_[at].id);
  // A giant is rare: its memory is not kept.
  if (nodes_.capacity() > (1u << 16)) nodes_ = {}, candidates_ = {};
}

}  // namespace io
