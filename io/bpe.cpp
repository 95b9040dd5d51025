#include "io/bpe.hpp"

#include <algorithm>
#include <bit>

namespace io {
namespace {

constexpr std::size_t nowhere = SIZE_MAX;

/// The definition word for word, with the steps of all neighbours kept at hand. Tokens stay where their first byte is.
class ShortMerging {
 public:
  ShortMerging(const BytePairs& pairs, std::string_view pretoken) : pairs_(pairs), count_(pretoken.size()) {
    for (std::size_t i = 0; i < count_; ++i) tokens_[i] = pairs.byte_ids[static_cast<unsigned char>(pretoken[i])];
    for (std::size_t i = 0; i + 1 < count_; ++i) find_step(i, i + 1);
    steps_[count_ - 1] = no_step;
  }

  void run(std::vector<TokenId>& ids) {
    alive_ = count_ == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count_) - 1;
    for (std::uint64_t step = first_step(); step != no_step; step = first_step()) carry_out(step % 64);
    for (std::uint64_t left = alive_; left != 0; left &= left - 1)
      ids.push_back(tokens_[static_cast<std::size_t>(std::countr_zero(left))]);
  }

 private:
  static constexpr std::uint64_t no_step = UINT64_MAX;

  std::uint64_t first_step() const noexcept {
    std::uint64_t first = no_step;
    for (std::size_t i = 0; i < count_; ++i) first = std::min(first, steps_[i]);
    return first;
  }

  void find_step(std::size_t left, std::size_t right) noexcept {
    const MergeTable::Step step = pairs_.merges.find(tokens_[left], tokens_[right]);
    merged_[left] = step.merged;
    steps_[left] = step.rank == MergeTable::no_rank ? no_step : std::uint64_t{step.rank} << 6 | left;
  }

  void carry_out(std::size_t at) noexcept {
    const std::uint64_t behind = alive_ & ~std::uint64_t{0} << at << 1;
    const auto right = static_cast<std::size_t>(std::countr_zero(behind));
    tokens_[at] = merged_[at];
    steps_[right] = no_step;
    alive_ &= ~(std::uint64_t{1} << right);
    const std::uint64_t next = behind & (behind - 1);
    const std::uint64_t before = alive_ & ((std::uint64_t{1} << at) - 1);
    if (next != 0) {
      find_step(at, static_cast<std::size_t>(std::countr_zero(next)));
    } else {
      steps_[at] = no_step;
    }
    if (before != 0) find_step(63 - static_cast<std::size_t>(std::countl_zero(before)), at);
  }

  const BytePairs& pairs_;
  std::size_t count_;
  std::uint64_t alive_ = 0;                                // a bit where a token begins
  std::uint64_t steps_[BytePairEncoder::short_bytes_max];  // rank and place of the merge with the one behind
  TokenId merged_[BytePairEncoder::short_bytes_max];
  TokenId tokens_[BytePairEncoder::short_bytes_max];
};

}  // namespace

void BytePairEncoder::encode(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids) {
  if (pretoken.empty()) return;
  if (pretoken.size() <= short_bytes_max) {
    ShortMerging(pairs, pretoken).run(ids);
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
