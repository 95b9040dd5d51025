#include "io/inflate.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "io/inflate_stream.hpp"

namespace io {
namespace {

/// Input that is not compressed.
class Copier : public InflateStream {
 public:
  explicit Copier(RestartPoint begin) noexcept : InflateStream(begin) {}

 private:
  bool advance(std::span<const std::byte> input, std::span<std::byte> output) override {
    const std::size_t bytes = std::min(input.size(), output.size());
    if (bytes == 0) return false;
    std::memcpy(output.data(), input.data(), bytes);
    consumed(bytes);
    produced(bytes);
    restart_here();
    return true;
  }

  const char* unfinished() const noexcept override { return nullptr; }
};

}  // namespace

Inflater::Step InflateStream::inflate(std::span<const std::byte> input, std::span<std::byte> output) {
  assert(!output.empty());
  step_ = {};
  while (!damage_ && step_.produced_bytes < output.size() &&
         advance(input.subspan(step_.consumed_bytes), output.subspan(step_.produced_bytes))) {
  }
  const Step step = std::exchange(step_, {});
  at_.compressed_bytes += step.consumed_bytes;
  at_.decompressed_bytes += step.produced_bytes;
  if (damage_ && step.produced_bytes == 0) throw InflateError(*damage_, at_.decompressed_bytes);
  return step;
}

void InflateStream::finish() {
  if (damage_) throw InflateError(*damage_, at_.decompressed_bytes);
  if (const char* reason = unfinished()) throw InflateError(reason, at_.decompressed_bytes);
}

void InflateStream::restart_here() noexcept {
  restart_.compressed_bytes = at_.compressed_bytes + step_.consumed_bytes;
  restart_.decompressed_bytes = at_.decompressed_bytes + step_.produced_bytes;
}

std::unique_ptr<Inflater> make_inflater(Compression kind, RestartPoint begin) {
  switch (kind) {
    case Compression::gzip:
      return make_gzip_inflater(begin);
    case Compression::zstd:
      return make_zstd_inflater(begin);
    case Compression::none:
      break;
  }
  return std::make_unique<Copier>(begin);
}

Compression compression_of(std::span<const std::byte> beginning) noexcept {
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(beginning[i]); };
  if (beginning.size() >= 2 && byte(0) == 0x1F && byte(1) == 0x8B) return Compression::gzip;
  if (beginning.size() < 4) return Compression::none;
  const unsigned magic = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
  const bool skippable = magic >> 4 == 0x184D2A5;  // 16 of them
  return magic == 0xFD2FB528 || skippable ? Compression::zstd : Compression::none;
}

}  // namespace io
