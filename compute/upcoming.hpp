#pragma once

// Memory that is asked for before it is read. For the bodies of products.

#include <cstddef>

namespace compute {

/// What will be packed next, or read, asked for a few cache lines at a time while others are multiplied: 5-8 % of a
/// product whose operands are larger than the second-level cache would be waiting for memory.
class Upcoming {
 public:
  Upcoming() = default;
  /// `rows` pieces of `floats` floats, `stride` floats apart.
  Upcoming(const float* first, std::size_t rows, std::size_t floats, std::size_t stride)
      : row_(reinterpret_cast<const char*>(first)),
        stride_(stride * sizeof(float)),
        row_bytes_(floats * sizeof(float)),
        rows_left_(rows) {}

  static constexpr std::size_t line_bytes = 64;
  /// Lines that lie side by side.
  struct Stretch {
    const char* first;
    std::size_t lines;
  };

  std::size_t lines() const { return rows_left_ * (row_bytes_ / line_bytes + 1); }
  /// Of the next `lines` up to `lines_max` that lie side by side, for the caller to ask for; asks for the others. Not
  /// inlined, or it takes up registers of the loop behind it.
  [[gnu::noinline]] Stretch Take(std::size_t lines, std::size_t lines_max) {
    if (rows_left_ == 0) return {nullptr, 0};
    const std::size_t left = (row_bytes_ - offset_ + line_bytes - 1) / line_bytes;
    Stretch stretch{row_ + offset_, lines < left ? lines : left};
    if (stretch.lines > lines_max) stretch.lines = lines_max;
    offset_ += stretch.lines * line_bytes;
    if (offset_ >= row_bytes_) NextRow();
    Ask(lines - stretch.lines);
    return stretch;
  }

 private:
  void Ask(std::size_t lines) {
    for (; lines > 0 && rows_left_ > 0; --lines) {
      __builtin_prefetch(row_ + offset_, 0, 2);  // into the second cache: the first is full of what runs now
      offset_ += line_bytes;
      if (offset_ >= row_bytes_) NextRow();
    }
  }

  void NextRow() {
    offset_ = 0;
    row_ += stride_;
    --rows_left_;
  }

  const char* row_ = nullptr;
  std::size_t stride_ = 0, row_bytes_ = 0, rows_left_ = 0, offset_ = 0;
};

}  // namespace compute
