#include "io/inflate.hpp"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <limits>

namespace io {
namespace {

constexpr std::size_t piece_bytes_max = 1 << 30;  // the libraries count in 32 bits

/// By Intel's ISA-L: twice as fast as zlib, and it checks length and CRC of every member.
class GzipInflater final : public Inflater {
 public:
  explicit GzipInflater(const RestartPoint& begin) : Inflater(begin), state_(std::make_unique<inflate_state>()) {
    begin_member();
  }

  Step inflate(std::span<const std::byte> input, std::span<std::byte> output) override {
    if (failure_ != nullptr) throw InflateError(failure_);
    const std::span<const std::byte> given = input.first(std::min(input.size(), piece_bytes_max));
    std::size_t consumed = between_members_ ? pass_padding(given) : 0;
    if (between_members_ && consumed == given.size()) return {consumed, 0};
    if (failure_ != nullptr) throw InflateError(failure_);
    if (between_members_) {
      restart_ = at_;
      begin_member();
    }
    inflate_state& state = *state_;
    // ISA-L only reads from its input.
    state.next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(given.data())) + consumed;
    state.avail_in = static_cast<std::uint32_t>(given.size() - consumed);
    const std::uint32_t before_in = state.avail_in;
    state.next_out = reinterpret_cast<std::uint8_t*>(output.data());
    state.avail_out = static_cast<std::uint32_t>(std::min(output.size(), piece_bytes_max));
    const std::uint32_t before_out = state.avail_out;
    const int result = isal_inflate(&state);
    const std::size_t produced = before_out - state.avail_out;
    const std::size_t taken = before_in - state.avail_in;
    consumed += taken;
    at_.compressed_bytes += taken;
    at_.decompressed_bytes += produced;
    if (result < 0) failure_ = reason_of(result);
    if (failure_ != nullptr && produced == 0) throw InflateError(failure_);
    if (state.block_state == ISAL_BLOCK_FINISH && failure_ == nullptr) between_members_ = true;
    return {consumed, produced};
  }

  void finish() override {
    if (failure_ != nullptr) throw InflateError(failure_);
    if (!between_members_) throw InflateError("the gzip data ends too early; the file is cut off");
  }

 private:
  void begin_member() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    between_members_ = false;
  }

  /// Zeros behind the last member are no damage; tapes and block devices leave them.
  std::size_t pass_padding(std::span<const std::byte> input) {
    const auto zeros = std::find_if(input.begin(), input.end(), [](std::byte b) { return b != std::byte{0}; });
    const auto count = static_cast<std::size_t>(zeros - input.begin());
    padded_ = padded_ || count != 0;
    at_.compressed_bytes += count;
    if (zeros != input.end() && padded_) failure_ = "something follows the gzip data that is not gzip";
    if (zeros != input.end() && *zeros != std::byte{0x1F})
      failure_ = "something follows the gzip data that is not gzip";
    return count;
  }

  static const char* reason_of(int result) noexcept {
    switch (result) {
      case ISAL_INVALID_WRAPPER:
        return "not gzip data, or its header is damaged";
      case ISAL_UNSUPPORTED_METHOD:
        return "gzip data of an unknown kind";
      case ISAL_INCORRECT_CHECKSUM:
        return "the gzip data is damaged: its checksum is wrong";
      default:
        return "the gzip data is damaged";
    }
  }

  std::unique_ptr<inflate_state> state_;
  bool between_members_ = false;
  bool padded_ = false;
  const char* failure_ = nullptr;
};

class ZstdInflater final : public Inflater {
 public:
  explicit ZstdInflater(const RestartPoint& begin) : Inflater(begin), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
  }
  ~ZstdInflater() override { ZSTD_freeDStream(stream_); }
  ZstdInflater(const ZstdInflater&) = delete;
  ZstdInflater& operator=(const ZstdInflater&) = delete;

  Step inflate(std::span<const std::byte> input, std::span<std::byte> output) override {
    if (frame_ended_ && !input.empty()) {
      restart_ = at_;
      frame_ended_ = false;
      any_frame_ = true;
    }
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const std::size_t result = ZSTD_decompressStream(stream_, &out, &in);
    if (ZSTD_isError(result) != 0) throw InflateError(reason_of(result));
    at_.compressed_bytes += in.pos;
    at_.decompressed_bytes += out.pos;
    if (in.pos != 0 || out.pos != 0) frame_ended_ = result == 0;
    return {in.pos, out.pos};
  }

  void finish() override {
    if (!frame_ended_ || !any_frame_) throw InflateError("the zstd data ends too early; the file is cut off");
  }

 private:
  static std::string reason_of(std::size_t result) {
    const std::string reason = ZSTD_getErrorName(result);
    if (reason == "Unknown frame descriptor") return "not zstd data, or something follows it that is not zstd";
    return "the zstd data cannot be decompressed: " + reason;
  }

  ZSTD_DStream* stream_;
  bool frame_ended_ = true;
  bool any_frame_ = false;
};

}  // namespace

std::unique_ptr<Inflater> make_inflater(Compression kind, const RestartPoint& begin) {
  assert(kind != Compression::none);
  if (kind == Compression::gzip) return std::make_unique<GzipInflater>(begin);
  return std::make_unique<ZstdInflater>(begin);
}

Compression compression_of(std::span<const std::byte> beginning) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(beginning[i]); };
  if (beginning.size() >= 3 && at(0) == 0x1F && at(1) == 0x8B && at(2) == 8) return Compression::gzip;
  if (beginning.size() < 4 || at(3) != (at(0) == 0x28 ? 0xFDu : 0x18u)) return Compression::none;
  if (at(0) == 0x28 && at(1) == 0xB5 && at(2) == 0x2F) return Compression::zstd;
  // A frame to be skipped, which may come first.
  if (at(0) >= 0x50 && at(0) <= 0x5F && at(1) == 0x2A && at(2) == 0x4D) return Compression::zstd;
  return Compression::none;
}

}  // namespace io
