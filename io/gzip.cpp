// gzip by ISA-L, which decodes 2.6 times as fast as zlib (2.30 against 1.2.13: 1,390 and 530 MB/s of text and JSONL at
// level 6, in pieces of 256 KiB, one core; tests/bench/inflate_bench.cpp). libdeflate 1.14 is about as fast (1,550 in
// one go, against 1,320 of ISA-L in that run) but wants a whole member in memory.
//
// When ISA-L's fast loop meets damage, up to 258 bytes that it reports as produced have never been written (the length
// of a match is counted before its distance is checked; seen in 2.30). Its slow loop, which it takes when fewer than 8
// bytes of input are left, counts right. So the state before each larger call is kept, and a call that ends in damage
// is done again byte by byte. Copying the state, 88 KB, does not show in calls of 256 KiB: 1,230 and 1,400 MB/s with
// it, 1,380 and 1,360 without.

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstring>

#include "io/gzip_header.hpp"
#include "io/inflate_stream.hpp"

namespace io {
namespace {

constexpr std::size_t slow_input_bytes_max = 7;
/// ISA-L counts in 32 bits; in 2.30 a sum of them overflows near 4 GiB.
constexpr std::size_t call_bytes_max = std::size_t{1} << 30;

class GzipInflater : public InflateStream {
 public:
  explicit GzipInflater(RestartPoint begin) noexcept : InflateStream(begin) {}

 private:
  enum class Stage : std::uint8_t {
    begin,    // nothing has been read
    header,   // of a member
    body,     // deflate blocks, CRC and length
    between,  // after a member
    padding,  // zeros after the last member
    damaged,  // what was decoded before the damage is still to be fetched
  };

  bool advance(std::span<const std::byte> input, std::span<std::byte> output) override;
  const char* unfinished() const noexcept override;

  bool read_header(std::span<const std::byte> input);
  void begin_body() noexcept;
  bool read_body(std::span<const std::byte> input, std::span<std::byte> output);
  int decode(std::span<const std::byte> input, std::span<std::byte> output) noexcept;
  bool read_between(std::span<const std::byte> input);
  bool fetch_rest(std::span<std::byte> output);

  inflate_state state_{};
  inflate_state before_{};  // the state before the latest call with more than slow_input_bytes_max
  std::size_t call_consumed_bytes_ = 0;
  std::size_t call_produced_bytes_ = 0;
  GzipHeader header_;
  Stage stage_ = Stage::begin;
  bool output_pending_ = false;
  bool bytewise_ = false;  // this member is damaged
};

bool GzipInflater::advance(std::span<const std::byte> input, std::span<std::byte> output) {
  switch (stage_) {
    case Stage::begin:
      if (input.empty()) return false;
      restart_here();
      stage_ = Stage::header;
      return true;
    case Stage::header:
      return read_header(input);
    case Stage::body:
      return read_body(input, output);
    case Stage::between:
    case Stage::padding:
      return read_between(input);
    case Stage::damaged:
      return fetch_rest(output);
  }
  return false;
}

const char* GzipInflater::unfinished() const noexcept {
  if (stage_ == Stage::between || stage_ == Stage::padding) return nullptr;
  return stage_ == Stage::begin ? "truncated gzip data: the file is empty"
                                : "truncated gzip data: the file ends within a member";
}

bool GzipInflater::read_header(std::span<const std::byte> input) {
  if (input.empty()) return false;
  consumed(header_.read(input));
  if (header_.damage() != nullptr) {
    fail(header_.damage());
  } else if (header_.whole()) {
    begin_body();
  }
  return true;
}

void GzipInflater::begin_body() noexcept {
  isal_inflate_reset(&state_);
  state_.crc_flag = ISAL_GZIP_NO_HDR_VER;  // and checks the CRC and the length that follow the blocks
  output_pending_ = false;
  bytewise_ = false;
  stage_ = Stage::body;
}

bool GzipInflater::read_body(std::span<const std::byte> input, std::span<std::byte> output) {
  if (input.empty() && !output_pending_) return false;
  input = input.first(std::min(input.size(), bytewise_ ? 1 : call_bytes_max));
  output = output.first(std::min(output.size(), call_bytes_max));
  const bool repeatable = input.size() > slow_input_bytes_max;
  if (repeatable) before_ = state_;
  const int result = decode(input, output);
  const bool broken = result < 0 && result != ISAL_INCORRECT_CHECKSUM;
  if (broken && repeatable) {
    state_ = before_;
    bytewise_ = true;
    return true;
  }
  consumed(call_consumed_bytes_);
  produced(call_produced_bytes_);
  if (result == ISAL_INCORRECT_CHECKSUM) {
    fail("damaged gzip data: a member has another checksum or length");
  } else if (broken) {
    stage_ = Stage::damaged;
  } else if (state_.block_state == ISAL_BLOCK_FINISH) {
    stage_ = Stage::between;
  }
  return true;
}

int GzipInflater::decode(std::span<const std::byte> input, std::span<std::byte> output) noexcept {
  // ISA-L does not write to its input.
  auto* next_in = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(input.data()));
  auto* next_out = reinterpret_cast<std::uint8_t*>(output.data());
  state_.next_in = next_in;
  state_.avail_in = static_cast<std::uint32_t>(input.size());
  state_.next_out = next_out;
  state_.avail_out = static_cast<std::uint32_t>(output.size());
  const int result = isal_inflate(&state_);
  // The pointers alone: after damage the two counts are wrong.
  call_consumed_bytes_ = static_cast<std::size_t>(state_.next_in - next_in);
  call_produced_bytes_ = static_cast<std::size_t>(state_.next_out - next_out);
  output_pending_ = call_produced_bytes_ == output.size();
  return result;
}

bool GzipInflater::fetch_rest(std::span<std::byte> output) {
  const auto rest_bytes = static_cast<std::size_t>(state_.tmp_out_valid - state_.tmp_out_processed);
  const std::size_t bytes = std::min(rest_bytes, output.size());
  std::memcpy(output.data(), state_.tmp_out_buffer + state_.tmp_out_processed, bytes);
  state_.tmp_out_processed += static_cast<std::int32_t>(bytes);
  produced(bytes);
  if (bytes == rest_bytes) fail("damaged gzip data: no deflate stream");
  return true;
}

bool GzipInflater::read_between(std::span<const std::byte> input) {
  if (input.empty()) return false;
  const auto zeros_end = std::find_if(input.begin(), input.end(), [](std::byte byte) { return byte != std::byte{0}; });
  const auto zeros_count = static_cast<std::size_t>(zeros_end - input.begin());
  if (zeros_count > 0) {
    consumed(zeros_count);
    stage_ = Stage::padding;
  } else if (stage_ == Stage::padding || input.front() != std::byte{0x1F}) {
    fail("damaged gzip data: something else follows the last member");
  } else {
    restart_here();
    header_ = GzipHeader();
    stage_ = Stage::header;
  }
  return true;
}

}  // namespace

std::unique_ptr<Inflater> make_gzip_inflater(RestartPoint begin) {
  return std::make_unique<GzipInflater>(begin);
}

}  // namespace io
