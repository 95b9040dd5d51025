#include "io/bpe.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace io {
namespace {

constexpr std::uint32_t nowhere = UINT32_MAX;

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

void MergeQueue::push(std::uint32_t rank, std::uint32_t at) {
  if (last_ >= ranks_.size() || ranks_[last_].rank != rank) {
    const auto [place, is_new] = index_of_rank_.try_emplace(rank, static_cast<std::uint32_t>(ranks_.size()));
    if (is_new) ranks_.push_back({rank, false, 0, {}});
    last_ = place->second;
  }
  Places& places = ranks_[last_];
  if (places.at.empty()) {
    heap_.push_back(std::uint64_t{rank} << 32 | last_);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  } else if (!places.is_heap && at < places.at.back()) {
    places.at.erase(places.at.begin(), places.at.begin() + static_cast<std::ptrdiff_t>(places.next));
    places.next = 0;
    places.is_heap = true;  // what is in order is one
  }
  places.at.push_back(at);
  if (places.is_heap) std::push_heap(places.at.begin(), places.at.end(), std::greater<>());
}

MergeQueue::Candidate MergeQueue::pop() {
  Places& places = ranks_[static_cast<std::uint32_t>(heap_.front())];
  const Candidate first{places.rank, places.at[places.next]};
  if (places.is_heap) {
    std::pop_heap(places.at.begin(), places.at.end(), std::greater<>());
    places.at.pop_back();
  } else {
    ++places.next;
  }
  if (places.next == places.at.size()) {
    places.at.clear();
    places.next = 0;
    places.is_heap = false;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
  }
  return first;
}

/// What the token at `at` can become with the next one.
void BytePairEncoder::note(const BytePairs& pairs, std::uint32_t at) {
  Node& node = nodes_[at];
  node.rank = MergeTable::no_rank;
  if (node.next == nowhere) return;
  const MergeTable::Step step = pairs.merges.find(node.id, nodes_[node.next].id);
  if (step.rank == MergeTable::no_rank) return;
  node.rank = step.rank;
  node.merged = step.merged;
  queue_.push(step.rank, at);
}

void BytePairEncoder::encode_long(const BytePairs& pairs, std::string_view pretoken, std::vector<TokenId>& ids) {
  const auto count = static_cast<std::uint32_t>(pretoken.size());
  nodes_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    nodes_[i] = {pairs.byte_ids[static_cast<unsigned char>(pretoken[i])], -1, MergeTable::no_rank,
                 i == 0 ? nowhere : i - 1, i + 1 == count ? nowhere : i + 1};
  }
  for (std::uint32_t i = 0; i < count; ++i) note(pairs, i);
  while (!queue_.empty()) {
    const auto [rank, at] = queue_.pop();
    // A merge nearby may have changed what is possible here; that was noted then.
    Node& left = nodes_[at];
    if (left.rank != rank) continue;
    Node& right = nodes_[left.next];
    left.id = left.merged;
    left.next = right.next;
    right.rank = MergeTable::no_rank;
    if (left.next != nowhere) nodes_[left.next].previous = at;
    if (left.previous != nowhere) note(pairs, left.previous);
    note(pairs, at);
  }
  for (std::uint32_t at = 0; at != nowhere; at = nodes_[at].next) ids.push_back(nodes_[at].id);
  // A giant is rare: its memory is not kept.
  if (nodes_.capacity() > (1u << 16)) nodes_ = {};
  queue_.clear();
}

}  // namespace io
