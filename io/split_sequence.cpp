#include "io/split_sequence.hpp"

#include <algorithm>
#include <cassert>
#include <deque>
#include <optional>
#include <string>

#include "io/utf8.hpp"

namespace io {
namespace {

/// The part of the text that is still needed, by places in the whole text.
class Window {
 public:
  std::uint64_t end() const noexcept { return begin_ + text_.size(); }
  std::string_view from(std::uint64_t begin, std::uint64_t end) const noexcept {
    return std::string_view(text_).substr(begin - begin_, end - begin);
  }
  std::uint64_t begin() const noexcept { return begin_; }

  /// Appends bytes as valid UTF-8 of the same length. The beginning of a sequence is kept until its end comes.
  void append(std::string_view bytes, bool complete) {
    pending_ += bytes;
    std::string_view rest = pending_;
    while (!rest.empty()) {
      // In blocks: the check looks at all that it is given before it says where.
      const std::string_view block = rest.substr(0, checked_bytes);
      const std::size_t valid = first_invalid_utf8(block).value_or(block.size());
      text_ += rest.substr(0, valid);
      rest.remove_prefix(valid);
      if (valid == block.size()) continue;
      if (const Utf8Sequence cut = read_utf8(rest); cut.kind == Utf8Sequence::Kind::valid) {
        text_ += rest.substr(0, cut.length_bytes);
        rest.remove_prefix(cut.length_bytes);
        continue;
      }
      if (!complete && read_utf8(rest).kind == Utf8Sequence::Kind::truncated) break;
      text_ += '\x1A';
      rest.remove_prefix(1);
    }
    pending_.erase(0, pending_.size() - rest.size());
  }

  void drop_before(std::uint64_t place) {
    if (place - begin_ < text_.size() / 2 || place <= begin_) return;
    text_.erase(0, place - begin_);
    begin_ = place;
  }

  void clear() {
    text_.clear();
    pending_.clear();
    begin_ = 0;
  }

 private:
  static constexpr std::size_t checked_bytes = 64;

  std::string text_;
  std::string pending_;
  std::uint64_t begin_ = 0;
};

/// Takes the pieces of a text one after another.
class Pieces {
 public:
  virtual ~Pieces() = default;
  /// The piece under way reaches to `end` at least; `ends`: no further.
  virtual void extend(std::uint64_t end, bool ends) = 0;
  /// What is between the last piece and `end` is in none. No piece is under way.
  virtual void drop(std::uint64_t end) = 0;
};

class Ends final : public Pieces {
 public:
  struct End {
    std::uint64_t place;
    bool dropped;
  };
  void extend(std::uint64_t end, bool ends) override {
    if (ends) add(end, false);
  }
  void drop(std::uint64_t end) override { add(end, true); }
  void clear() { last_ = 0; }

  std::deque<End> waiting;

 private:
  void add(std::uint64_t end, bool dropped) {
    if (end > last_) waiting.push_back({end, dropped});
    last_ = end;
  }
  std::uint64_t last_ = 0;
};

class Step final : public Pieces {
 public:
  Step(const SplitStep& step, const Window& window, Pieces& next)
      : matcher_(step.matchers->matcher()),
        context_bytes_(step.matchers->context_bytes()),
        behavior_(step.behavior),
        invert_(step.invert),
        window_(window),
        next_(next) {}

  void extend(std::uint64_t end, bool ends) override {
    while (at_ < end) {
      // Undecided text is looked at again when it has doubled, so that a long match costs its length.
      if (!ends && end - at_ < wanted_bytes_) return;
      wanted_bytes_ = 0;
      if (!find(end, ends)) {
        wanted_bytes_ = 2 * (end - at_);
        return;
      }
    }
    if (!ends) return;
    if (open_) next_.extend(end, true);
    begin_piece(end);
  }

  void drop(std::uint64_t end) override {
    next_.drop(end);
    begin_piece(end);
  }

  void begin_piece(std::uint64_t place) {
    begin_ = at_ = place;
    last_match_end_.reset();
    last_kind_.reset();
    open_ = going_on_ = false;
    wanted_bytes_ = 0;
  }

  /// What stands before this is not looked at again.
  std::uint64_t needed_from() const noexcept { return at_ - std::min<std::uint64_t>(at_ - begin_, context_bytes_ + 4); }

 private:
  using Kind = SplitMatcher::Found::Kind;

  /// Hands on what can be said of the text from at_; false where nothing can.
  bool find(std::uint64_t end, bool complete) {
    std::uint64_t from = std::max(needed_from(), window_.begin());
    while (from < at_ && (static_cast<unsigned char>(window_.from(from, end)[0]) & 0xC0) == 0x80) ++from;
    const std::string_view text = window_.from(from, end);
    std::size_t search = at_ - from;
    for (;;) {
      const SplitMatcher::Found found = matcher_->find(text, search, from == begin_, complete);
      if (found.kind == Kind::none) {
        between(end, complete);
        return true;
      }
      const std::uint64_t begin = from + found.begin;
      if (found.kind == Kind::partial) {
        if (begin > at_) between(begin, false);
        return false;
      }
      const std::uint64_t match_end = from + found.end;
      if (found.begin == found.end && last_match_end_ == match_end) {
        // An empty match right behind a match is none: on to the next character.
        search = found.end;
        if (search == text.size()) {
          between(end, complete);
          return true;
        }
        search += read_utf8(text.substr(search)).length_bytes;
        if (search < text.size() || complete) continue;
        between(from + search, false);
        return true;
      }
      last_match_end_ = match_end;
      if (begin > at_) between(begin, true);
      take(true, match_end, true);
      if (match_end > begin || match_end == end) return true;
      search = found.end;  // an empty match: a border, and no way forward yet
    }
  }

  void between(std::uint64_t end, bool closed) { take(false, end, closed); }

  /// A match or what is between matches, from at_ to `end`; `closed`: it ends there.
  void take(bool is_match, std::uint64_t end, bool closed) {
    const bool kind = is_match != invert_;
    const bool goes_on = going_on_ && !is_match;
    if (!goes_on && open_ && last_kind_ && is_border(*last_kind_, kind)) next_.extend(at_, true), open_ = false;
    going_on_ = !closed;
    last_kind_ = kind;
    at_ = end;
    if (behavior_ == SplitBehavior::removed && kind) {
      next_.drop(end);
      return;
    }
    const bool alone = behavior_ == SplitBehavior::isolated || behavior_ == SplitBehavior::removed;
    next_.extend(end, alone && closed);
    open_ = !(alone && closed);
  }

  bool is_border(bool before, bool behind) const noexcept {
    switch (behavior_) {
      case SplitBehavior::contiguous:
        return before != behind;
      case SplitBehavior::merged_with_previous:
        return before || !behind;
      case SplitBehavior::merged_with_next:
        return !before || behind;
      default:
        return true;
    }
  }

  std::unique_ptr<SplitMatcher> matcher_;
  const std::size_t context_bytes_;
  const SplitBehavior behavior_;
  const bool invert_;
  const Window& window_;
  Pieces& next_;

  std::uint64_t begin_ = 0;  // of the text that is cut here: a piece of the step before
  std::uint64_t at_ = 0;     // what is before is handed on
  std::optional<std::uint64_t> last_match_end_;
  std::optional<bool> last_kind_;
  bool going_on_ = false;  // the last match or stretch between matches may be longer
  bool open_ = false;      // the piece handed on last has not ended
  std::uint64_t wanted_bytes_ = 0;
};

class SplitSequence final : public Splitter {
 public:
  explicit SplitSequence(const std::vector<SplitStep>& steps) {
    assert(!steps.empty());
    Pieces* next = &ends_;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      steps_.push_back(std::make_unique<Step>(*step, window_, *next));
      next = steps_.back().get();
    }
  }

  std::optional<std::size_t> pretoken_end(std::string_view text, std::size_t begin, bool complete) override {
    if (ends_.waiting.size() <= 1 && !ended_) feed(text.substr(begin + (seen_ - place_)), complete);
    // The last end waits for the end of the text, which begins the next one.
    if (ends_.waiting.empty() || (ends_.waiting.front().place == seen_ && !ended_)) return std::nullopt;
    const Ends::End end = ends_.waiting.front();
    ends_.waiting.pop_front();
    removed_ = end.dropped;
    const std::size_t result = begin + (end.place - place_);
    place_ = end.place;
    if (ended_ && place_ == seen_) begin_text();
    return result;
  }

  bool removed() const noexcept override { return removed_; }

 private:
  void feed(std::string_view bytes, bool complete) {
    seen_ += bytes.size();
    window_.append(bytes, complete);
    ended_ = complete;
    Step& first = *steps_.back();
    first.extend(window_.end(), complete);
    std::uint64_t needed = window_.end();
    for (const auto& step : steps_) needed = std::min(needed, step->needed_from());
    window_.drop_before(needed);
  }

  void begin_text() {
    for (const auto& step : steps_) step->begin_piece(0);
    ends_.clear();
    window_.clear();
    seen_ = place_ = 0;
    ended_ = false;
  }

  Window window_;
  Ends ends_;
  std::vector<std::unique_ptr<Step>> steps_;  // the last one first
  std::uint64_t seen_ = 0;                    // bytes of the text that were here
  std::uint64_t place_ = 0;                   // where the next pre-token begins
  bool ended_ = false;
  bool removed_ = false;
};

}  // namespace

std::unique_ptr<Splitter> split_sequence(const std::vector<SplitStep>& steps) {
  return std::make_unique<SplitSequence>(steps);
}

}  // namespace io
