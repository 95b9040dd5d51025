#include "io/whole_tokens.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>

namespace io {

WholeTokens::WholeTokens(const BpeModel& model)
    : model_(model),
      slots_(std::bit_ceil(std::max<std::size_t>(2, 2 * model.tokens.size()))),
      mask_(slots_.size() - 1),
      answers_(model.tokens.size()) {
  for (std::size_t id = 0; id < model.tokens.size(); ++id) {
    const auto token = static_cast<TokenId>(id);
    if (model.tokens[id].empty()) continue;
    if (std::binary_search(model.special_tokens.begin(), model.special_tokens.end(), token)) continue;
    const std::uint64_t hash = XXH3_64bits(model.tokens[id].data(), model.tokens[id].size());
    std::size_t at = hash & mask_;
    while (slots_[at].id >= 0) at = (at + 1) & mask_;
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32), token};
    if (model.whole_tokens_first) answers_[id].store(Answer::yes, std::memory_order_relaxed);
  }
}

WholeTokens::Found WholeTokens::find(std::string_view pretoken) const noexcept {
  const std::uint64_t hash = XXH3_64bits(pretoken.data(), pretoken.size());
  for (std::size_t at = hash & mask_; slots_[at].id >= 0; at = (at + 1) & mask_) {
    const Slot& slot = slots_[at];
    const auto id = static_cast<std::size_t>(slot.id);
    if (slot.hash == static_cast<std::uint32_t>(hash >> 32) && model_.tokens[id] == pretoken)
      return {slot.id, answers_[id].load(std::memory_order_relaxed)};
  }
  return {-1, Answer::no};
}

}  // namespace io
