#pragma once

// What the two readers of JSONL say about a line, in a form that can be compared. For tests and the fuzzer.

#include <cstdint>
#include <cstring>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_record.hpp"

struct JsonAnswer {
  std::string text;  // empty where the line is damage
  const char* damage = nullptr;
  std::uint64_t damage_offset_bytes = 0;

  friend bool operator==(const JsonAnswer& a, const JsonAnswer& b) {
    const bool same_damage =
        a.damage == nullptr || b.damage == nullptr ? a.damage == b.damage : std::strcmp(a.damage, b.damage) == 0;
    return same_damage && a.text == b.text && a.damage_offset_bytes == b.damage_offset_bytes;
  }
  friend std::ostream& operator<<(std::ostream& out, const JsonAnswer& answer) {
    if (answer.damage != nullptr) return out << answer.damage << " at " << answer.damage_offset_bytes;
    return out << '"' << answer.text << '"';
  }
};

/// Of a copy of the line, with bytes behind it that would change the answer if they were looked at.
inline JsonAnswer answer_of_reader(io::JsonRecordReader& reader, std::string_view line) {
  std::string padded(line);
  while (padded.size() < line.size() + io::JsonRecordReader::padding_bytes) padded += "\"}]0\\";
  const auto record = reader.read(std::string_view(padded).substr(0, line.size()));
  return {std::string(record.text), record.damage, record.damage_offset_bytes};
}

/// Of the line in these pieces, read twice as callers do.
inline JsonAnswer answer_of_stream(io::JsonStream& stream, std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) stream.feed(piece, nullptr);
  if (const char* damage = stream.finish()) return {"", damage, stream.damage_offset_bytes()};
  JsonAnswer answer;
  for (const std::string_view piece : pieces) stream.feed(piece, &answer.text);
  answer.damage = stream.finish();
  return answer;
}

/// The line in pieces of `piece_bytes`, each in memory of its own, so that nothing is read beyond them.
inline JsonAnswer answer_of_stream(io::JsonStream& stream, std::string_view line, std::size_t piece_bytes) {
  std::vector<std::vector<char>> copies;
  std::vector<std::string_view> pieces;
  for (; !line.empty(); line.remove_prefix(pieces.back().size())) {
    const std::string_view piece = line.substr(0, piece_bytes);
    copies.emplace_back(piece.begin(), piece.end());
    pieces.emplace_back(copies.back().data(), copies.back().size());
  }
  return answer_of_stream(stream, pieces);
}
