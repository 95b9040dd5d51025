#include "io/line_finder.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace io {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_white(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r';
}

}  // namespace

void LineFinder::feed(std::span<const std::byte> bytes, std::vector<Line>& lines) {
  const char* at = reinterpret_cast<const char*>(bytes.data()) + pass_mark(bytes);
  const char* const end = reinterpret_cast<const char*>(bytes.data()) + bytes.size();
  const std::uint64_t fed_bytes = offset_bytes_;
  while (at != end) {
    const void* const newline = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
    const char* const line_end = newline != nullptr ? static_cast<const char*>(newline) : end;
    // Most lines begin with what is not white, so that one look is enough.
    has_content_ = has_content_ || std::find_if_not(at, line_end, is_white) != line_end;
    if (newline == nullptr) break;
    end_line(fed_bytes + static_cast<std::uint64_t>(line_end - reinterpret_cast<const char*>(bytes.data())), lines);
    at = line_end + 1;
  }
  offset_bytes_ = fed_bytes + bytes.size();
}

void LineFinder::finish(std::vector<Line>& lines) {
  // The beginning of a mark without the rest of it is no mark.
  if (offset_bytes_ < byte_order_mark.size() && mark_bytes_ > 0) has_content_ = true;
  if (begin_bytes_ < offset_bytes_) end_line(offset_bytes_, lines);
}

/// How many of the bytes belong to the mark at the beginning of the file.
std::size_t LineFinder::pass_mark(std::span<const std::byte> bytes) noexcept {
  if (mark_bytes_ != offset_bytes_) return 0;
  std::size_t passed = 0;
  while (passed < bytes.size() && mark_bytes_ < byte_order_mark.size() &&
         static_cast<char>(bytes[passed]) == byte_order_mark[mark_bytes_]) {
    ++mark_bytes_;
    ++passed;
  }
  // Something else follows a part of it: all of that is content.
  if (passed < bytes.size() && mark_bytes_ > 0 && mark_bytes_ < byte_order_mark.size()) has_content_ = true;
  return passed;
}

void LineFinder::end_line(std::uint64_t end_bytes, std::vector<Line>& lines) {
  if (has_content_) lines.push_back({begin_bytes_, end_bytes});
  begin_bytes_ = end_bytes + 1;
  has_content_ = false;
}

}  // namespace io
