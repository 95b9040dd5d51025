#pragma once

// A text that comes in pieces of any size, cut into pre-tokens, many at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/pretoken_scanner.hpp"

namespace io {

/// One document after another. What no pre-token has taken yet is held until more comes: as much memory as the longest
/// pre-token.
class PretokenStream {
 public:
  /// Requires a pattern other than `none`.
  explicit PretokenStream(SplitPattern pattern) : scanner_(make_scanner(pattern)) {}

  /// Calls `take(text, ends)` with pre-tokens that follow one another from the beginning of `text` and end at `ends`:
  /// all that nothing behind `piece` can change.
  template <class Take>
  void feed(std::string_view piece, Take&& take) {
    // A pre-token under way goes on in the tail; as soon as none is, they are taken from the piece itself.
    while (!tail_.empty() && !piece.empty()) {
      const std::size_t before = tail_.size();
      const std::size_t bytes = std::min(piece.size(), std::max(tail_bytes, before));
      tail_ += piece.substr(0, bytes);
      if (tail_.size() < tail_bytes_min_) return;
      const std::size_t taken = take_decided(tail_, false, take);
      if (taken >= before) {
        piece.remove_prefix(taken - before);
        tail_.clear();
        break;
      }
      piece.remove_prefix(bytes);
      tail_.erase(0, taken);
      // A giant pre-token is looked at again when it has doubled: its cost is its length.
      tail_bytes_min_ = 2 * tail_.size();
    }
    if (piece.empty()) return;
    tail_ = piece.substr(take_decided(piece, false, take));
    tail_bytes_min_ = 2 * tail_.size();
  }

  /// The rest of the document.
  template <class Take>
  void finish(Take&& take) {
    take_decided(tail_, true, take);
    tail_.clear();
    if (tail_.capacity() > 16 * window_bytes) tail_ = {};  // after a giant pre-token, which is rare
  }

  std::size_t held_bytes() const noexcept { return tail_.size(); }

 private:
  static constexpr std::size_t window_bytes = 16 << 10;  // the masks of so many stay in the first-level cache
  static constexpr std::size_t tail_bytes = 256;

  /// Returns the bytes of what `take` was given.
  template <class Take>
  std::size_t take_decided(std::string_view text, bool complete, Take& take) {
    std::size_t taken = 0;
    std::size_t window = window_bytes;
    while (taken < text.size()) {
      const bool whole = text.size() - taken <= window;
      const std::string_view part = text.substr(taken, window);
      ends_.clear();
      scanner_->scan(part, complete && whole, ends_);
      if (ends_.empty()) {
        if (whole) break;
        window *= 2;
        continue;
      }
      take(part, std::span<const std::uint32_t>(ends_));
      taken += ends_.back();
      window = window_bytes;
      if (whole && !complete) break;
    }
    return taken;
  }

  std::unique_ptr<PretokenScanner> scanner_;
  std::vector<std::uint32_t> ends_;
  std::string tail_;                // what no pre-token has taken yet
  std::size_t tail_bytes_min_ = 0;  // before it is looked at again
};

}  // namespace io
