#pragma once

// Compressed files made by zlib and libzstd, and what an inflater makes of them, cut in any way.

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/inflate.hpp"

struct GzipFields {
  std::string extra = {};
  std::string name = {};
  std::string comment = {};
  bool checksum = false;
};

inline std::string gzip_member(std::string_view text, int level = 6, int strategy = Z_DEFAULT_STRATEGY,
                               GzipFields fields = {}) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, 16 + 15, 8, strategy) != Z_OK) throw std::runtime_error("deflateInit2");
  gz_header header{};
  const auto bytes_of = [](std::string& field) {
    return field.empty() ? nullptr : reinterpret_cast<Bytef*>(&field[0]);
  };
  header.extra = bytes_of(fields.extra);
  header.extra_len = static_cast<uInt>(fields.extra.size());
  header.name = bytes_of(fields.name);
  header.comment = bytes_of(fields.comment);
  header.hcrc = fields.checksum ? 1 : 0;
  deflateSetHeader(&stream, &header);
  std::string member(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(member.data());
  stream.avail_out = static_cast<uInt>(member.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  member.resize(stream.total_out);
  deflateEnd(&stream);
  return member;
}

struct FrameFields {
  bool checksum = true;
  bool content_size = true;
  int window_log = 0;  // the level's
};

inline std::string zstd_frame(std::string_view text, int level = 3, const FrameFields& fields = {}) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, fields.checksum ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, fields.content_size ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, fields.window_log);
  std::string frame(ZSTD_compressBound(text.size()), '\0');
  ZSTD_outBuffer out{frame.data(), frame.size(), 0};
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  // By streaming: given all at once, the content's size is written whatever was asked for a window.
  if (!fields.content_size) ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
  const std::size_t rest = ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  ZSTD_freeCCtx(context);
  if (rest != 0) throw std::runtime_error("ZSTD_compressStream2");
  frame.resize(out.pos);
  return frame;
}

inline std::string little_endian(std::uint64_t number, int bytes_count) {
  std::string bytes;
  for (int i = 0; i < bytes_count; ++i) bytes += static_cast<char>(number >> 8 * i & 0xFF);
  return bytes;
}

inline std::string skippable_frame(std::string_view content, unsigned kind = 0) {
  return little_endian(0x184D2A50 + kind, 4) + little_endian(content.size(), 4) + std::string(content);
}

/// What came of inflating a file.
struct Inflated {
  std::string text;
  std::string reason;              // empty where nothing was wrong
  std::uint64_t offset_bytes = 0;  // of the damage
  std::vector<io::RestartPoint> restarts;

  bool good() const { return reason.empty(); }
};

/// Equal, but for up to two bytes at the end of a gzip file that ends too early (see io/inflate.hpp).
inline bool same(const Inflated& one, const Inflated& other) {
  if (one.reason != other.reason) return false;
  if (!one.reason.starts_with("truncated gzip"))
    return one.text == other.text && one.offset_bytes == other.offset_bytes;
  const Inflated& more = one.text.size() < other.text.size() ? other : one;
  const Inflated& less = &more == &one ? other : one;
  return more.text.starts_with(less.text) && more.text.size() - less.text.size() <= 2;
}

inline std::ostream& operator<<(std::ostream& out, const Inflated& inflated) {
  return out << inflated.text.size() << " bytes, '" << inflated.reason << "' at " << inflated.offset_bytes;
}

/// How long the next piece is.
using Cut = std::size_t (*)(std::mt19937& random);
inline std::size_t whole(std::mt19937&) {
  return std::size_t{1} << 19;
}
inline std::size_t single_bytes(std::mt19937&) {
  return 1;
}
inline std::size_t any_pieces(std::mt19937& random) {
  return 1 + random() % (std::size_t{1} << random() % 18);
}

/// Each piece lies in memory of its own size, and output that is not reported must not have been there before.
inline Inflated inflate_all(io::Compression kind, std::string_view file, Cut input_cut = whole, Cut output_cut = whole,
                            std::uint32_t seed = 0, io::RestartPoint begin = {}) {
  const auto inflater = io::make_inflater(kind, begin);
  std::mt19937 random(seed);
  Inflated inflated;
  try {
    while (true) {
      const std::string_view piece = file.substr(0, input_cut(random));
      file.remove_prefix(piece.size());
      std::vector<std::byte> input(piece.size());
      if (!piece.empty()) std::memcpy(input.data(), piece.data(), piece.size());
      std::size_t consumed_bytes = 0;
      while (true) {
        std::vector<std::byte> output(output_cut(random), std::byte{0xEE});
        const auto step = inflater->inflate(std::span(input).subspan(consumed_bytes), output);
        consumed_bytes += step.consumed_bytes;
        inflated.text.append(reinterpret_cast<const char*>(output.data()), step.produced_bytes);
        const auto restart = inflater->restart_point();
        if (inflated.restarts.empty() || inflated.restarts.back() != restart) inflated.restarts.push_back(restart);
        if (step.consumed_bytes == 0 && step.produced_bytes == 0) break;
      }
      if (consumed_bytes < input.size()) throw std::logic_error("no progress");
      if (piece.empty()) break;
    }
    inflater->finish();
  } catch (const io::InflateError& error) {
    inflated.reason = error.what();
    inflated.offset_bytes = error.offset_bytes();
  }
  return inflated;
}
