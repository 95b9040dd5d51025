// Any bytes into the inflaters, cut in any way: they end, stay within their memory, and give what was given whole, and
// what zlib and libzstd give wherever these find nothing wrong. Not part of the build; from the repository's root:
//
//   clang++-16 -std=c++20 -O1 -g -I. -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
//     tests/fuzz/inflate_fuzz.cpp io/inflate.cpp io/gzip.cpp io/gzip_header.cpp io/zstd.cpp
//     -lisal -lzstd -lz -o inflate_fuzz         (one line)
//   ./inflate_fuzz -max_total_time=120 -max_len=8192 CORPUS...
//
// The first byte chooses the format, whether checksums of gzip are set right first (or nearly all damage would be
// noticed by them alone) and the seed of the cuts. ISA-L is assembly that address sanitizer does not see: input and
// output end at pages that nobody may touch.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/io/compressed.hpp"

namespace {

constexpr std::size_t text_bytes_max = std::size_t{1} << 17;

/// Memory that ends where a page begins that nobody may touch.
class Guarded {
 public:
  explicit Guarded(std::size_t capacity_bytes) : page_bytes_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    capacity_bytes_ = (capacity_bytes + page_bytes_ - 1) / page_bytes_ * page_bytes_;
    void* memory =
        mmap(nullptr, capacity_bytes_ + page_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    memory_ = static_cast<std::byte*>(memory);
    if (mprotect(memory_ + capacity_bytes_, page_bytes_, PROT_NONE) != 0) std::abort();
  }
  std::span<std::byte> last(std::size_t bytes) { return {memory_ + capacity_bytes_ - bytes, bytes}; }

 private:
  std::size_t page_bytes_;
  std::size_t capacity_bytes_;
  std::byte* memory_;
};

void check(bool holds) {
  if (!holds) std::abort();
}

/// Like inflate_all, in guarded memory. Stops at text_bytes_max: four bytes of a zstd frame are 128 KiB of zeros.
Inflated inflate_guarded(io::Compression kind, std::string_view file, Cut cut, std::uint32_t seed) {
  static Guarded input_memory(std::size_t{1} << 20);
  static Guarded output_memory(std::size_t{1} << 20);
  const auto inflater = io::make_inflater(kind);
  std::mt19937 random(seed);
  Inflated inflated;
  try {
    while (inflated.text.size() < text_bytes_max) {
      const std::string_view piece = file.substr(0, cut(random));
      file.remove_prefix(piece.size());
      auto input = input_memory.last(piece.size());
      if (!piece.empty()) std::memcpy(input.data(), piece.data(), piece.size());
      while (inflated.text.size() < text_bytes_max) {
        const auto output = output_memory.last(cut(random));
        const auto step = inflater->inflate(input, output);
        check(step.consumed_bytes <= input.size() && step.produced_bytes <= output.size());
        input = input.subspan(step.consumed_bytes);
        inflated.text.append(reinterpret_cast<const char*>(output.data()), step.produced_bytes);
        check(inflater->restart_point().decompressed_bytes <= inflated.text.size());
        if (step.consumed_bytes == 0 && step.produced_bytes == 0) break;
      }
      if (inflated.text.size() >= text_bytes_max) break;
      check(input.empty());
      if (piece.empty()) break;
    }
    if (inflated.text.size() < text_bytes_max) inflater->finish();
  } catch (const io::InflateError& error) {
    inflated.reason = error.what();
    inflated.offset_bytes = error.offset_bytes();
    check(inflated.offset_bytes == inflated.text.size());
  }
  if (inflated.text.size() > text_bytes_max) inflated.text.resize(text_bytes_max);
  return inflated;
}

/// What zlib reads from the blocks, without looking at the checksum; `end` becomes the offset behind them, 0 at damage.
std::string zlib_text(std::string_view blocks, std::size_t& end) {
  z_stream stream{};
  check(inflateInit2(&stream, -15) == Z_OK);
  std::string text(text_bytes_max, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(blocks.data()));
  stream.avail_in = static_cast<uInt>(blocks.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  end = inflate(&stream, Z_FINISH) == Z_STREAM_END ? stream.total_in : 0;
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

void same_for_all_cuts(io::Compression kind, std::string_view file, std::uint32_t seed, const Inflated& inflated) {
  check(same(inflate_guarded(kind, file, any_pieces, seed), inflated));
  if (inflated.text.size() < 4096) check(same(inflate_guarded(kind, file, single_bytes, seed), inflated));
}

void fuzz_blocks(std::string_view blocks, std::uint32_t seed) {
  std::size_t end = 0;
  const std::string text = zlib_text(blocks, end);
  std::string file("\x1F\x8B\x08\0\0\0\0\0\0\xFF", 10);
  file += blocks.substr(0, end == 0 ? blocks.size() : end);
  if (end != 0) {
    file += little_endian(crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())), 4);
    file += little_endian(text.size(), 4);
  }
  const Inflated inflated = inflate_guarded(io::Compression::gzip, file, whole, seed);
  if (end != 0) check(inflated.good() && inflated.text == text);
  if (text.size() < text_bytes_max) check(inflated.text.starts_with(text) || text.starts_with(inflated.text));
  same_for_all_cuts(io::Compression::gzip, file, seed, inflated);
}

void fuzz_zstd(std::string_view file, std::uint32_t seed) {
  const Inflated inflated = inflate_guarded(io::Compression::zstd, file, whole, seed);
  std::string text(text_bytes_max, '\0');
  const std::size_t size_bytes = ZSTD_decompress(text.data(), text.size(), file.data(), file.size());
  // Alone the refusals of io/zstd.cpp may come between.
  if (!ZSTD_isError(size_bytes) && !file.empty() && size_bytes < text_bytes_max && inflated.good())
    check(inflated.text == text.substr(0, size_bytes));
  same_for_all_cuts(io::Compression::zstd, file, seed, inflated);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size_bytes) {
  if (size_bytes == 0) return 0;
  const std::string_view file(reinterpret_cast<const char*>(bytes) + 1, size_bytes - 1);
  switch (bytes[0] % 3) {
    case 0:
      fuzz_blocks(file, bytes[0]);
      break;
    case 1:
      same_for_all_cuts(io::Compression::gzip, file, bytes[0],
                        inflate_guarded(io::Compression::gzip, file, whole, bytes[0]));
      break;
    default:
      fuzz_zstd(file, bytes[0]);
      break;
  }
  return 0;
}
