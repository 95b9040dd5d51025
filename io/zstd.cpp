// zstd by libzstd's streaming interface.
//
// libzstd decodes block by block, at most 128 KiB each, but says nothing of what a call has produced when that call
// ends in damage, and of a block that is stored as it is it hands out as much as it was given. So a call either hands
// out what is ready or reads one whole part, a block or a header: nothing that came out whole is lost, however the
// input was cut. Frames are recognised here, for the library also takes formats older than 1.0.

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <new>
#include <vector>

#include "io/inflate_stream.hpp"

namespace io {
namespace {

constexpr std::size_t magic_bytes = 4;
constexpr std::size_t block_header_bytes = 3;

/// Why libzstd refuses to go on.
std::string reason_of(std::size_t result) {
  switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
      throw std::bad_alloc();
    case ZSTD_error_frameParameter_windowTooLarge:
      return "a zstd frame has a window above 128 MiB: compress it again with --long=27 at most";
    case ZSTD_error_dictionary_wrong:
      return "a zstd frame needs a dictionary: compress it again without one";
    case ZSTD_error_checksum_wrong:
      return "damaged zstd data: a frame has another checksum";
    default:
      return std::string("damaged zstd data: ") + ZSTD_getErrorName(result);
  }
}

class ZstdInflater : public InflateStream {
 public:
  explicit ZstdInflater(RestartPoint begin) : InflateStream(begin), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
  }

 private:
  struct FreeContext {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };

  bool advance(std::span<const std::byte> input, std::span<std::byte> output) override;
  const char* unfinished() const noexcept override;

  bool read_magic(std::span<const std::byte> input);
  bool read_frame(std::span<const std::byte> input, std::span<std::byte> output);
  /// Returns how many bytes of the input were read.
  std::size_t decode(std::span<const std::byte> input, std::span<std::byte> output);

  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  std::array<std::byte, magic_bytes> magic_{};  // the beginning of a frame
  std::size_t magic_count_ = 0;
  std::size_t wanted_bytes_ = 0;  // how much input brings the frame to its next block; 0 between frames
  std::vector<std::byte> held_;   // the beginning of the part that it wants, where the input was cut within it
  bool skippable_ = false;
  bool any_frame_ = false;
  bool output_pending_ = false;
};

bool ZstdInflater::advance(std::span<const std::byte> input, std::span<std::byte> output) {
  return wanted_bytes_ == 0 ? read_magic(input) : read_frame(input, output);
}

const char* ZstdInflater::unfinished() const noexcept {
  if (wanted_bytes_ > 0 || magic_count_ > 0) return "truncated zstd data: the file ends within a frame";
  return any_frame_ ? nullptr : "truncated zstd data: the file is empty";
}

bool ZstdInflater::read_magic(std::span<const std::byte> input) {
  if (input.empty()) return false;
  if (magic_count_ == 0) restart_here();
  const std::size_t bytes = std::min(input.size(), magic_bytes - magic_count_);
  std::copy_n(input.begin(), bytes, magic_.begin() + static_cast<std::ptrdiff_t>(magic_count_));
  magic_count_ += bytes;
  consumed(bytes);
  if (magic_count_ < magic_bytes) return true;
  if (compression_of(magic_) != Compression::zstd) {
    fail(any_frame_ ? "damaged zstd data: something else follows a frame"
                    : "damaged zstd data: no frame begins where one should");
    return true;
  }
  skippable_ = magic_[0] != std::byte{0x28};
  decode(magic_, {});
  magic_count_ = 0;
  any_frame_ = true;
  return true;
}

bool ZstdInflater::read_frame(std::span<const std::byte> input, std::span<std::byte> output) {
  if (output_pending_) {
    decode({}, output);
    return true;
  }
  // What libzstd asks for is a block and the next block's header.
  const std::size_t part_bytes =
      wanted_bytes_ > block_header_bytes ? wanted_bytes_ - block_header_bytes : wanted_bytes_;
  if (skippable_ || (held_.empty() && input.size() >= part_bytes)) {
    if (input.empty()) return false;
    consumed(decode(input.first(std::min(input.size(), part_bytes)), output));
    return true;
  }
  const std::size_t bytes = std::min(input.size(), part_bytes - held_.size());
  held_.insert(held_.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(bytes));
  consumed(bytes);
  if (held_.size() < part_bytes) return bytes > 0;
  // All of it, but for the last byte of a frame whose output did not find room.
  const std::size_t read_bytes = decode(held_, output);
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(read_bytes));
  return true;
}

std::size_t ZstdInflater::decode(std::span<const std::byte> input, std::span<std::byte> output) {
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  ZSTD_outBuffer out{output.data(), output.size(), 0};
  const std::size_t result = ZSTD_decompressStream(context_.get(), &out, &in);
  if (ZSTD_isError(result)) {
    fail(reason_of(result));
  } else {
    wanted_bytes_ = result;
  }
  produced(out.pos);
  output_pending_ = !output.empty() && out.pos == out.size;
  return in.pos;
}

}  // namespace

std::unique_ptr<Inflater> make_zstd_inflater(RestartPoint begin) {
  return std::make_unique<ZstdInflater>(begin);
}

}  // namespace io
