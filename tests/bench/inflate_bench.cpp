// How fast corpora are inflated, beside zlib and libzstd decoding the whole file at once in the same run.
// Usage: inflate_bench FILE...   The files are put behind one another and compressed first: gzip -6, zstd -3, one
// member or frame, handed in and taken out in pieces of 256 KiB. One line for each format: medians of 5 (the thread's
// time) in MB/s of output, with the slowest and the fastest. The bound is a core's copying of memory, in the last
// figure.

#include <time.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tests/io/compressed.hpp"

namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;

struct Speed {
  double median;
  double slowest;
  double fastest;
};

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// MB/s of five calls of `work`, which makes `bytes`.
template <class Work>
Speed measure(std::size_t bytes, Work work) {
  std::array<double, 5> speeds{};
  for (double& speed : speeds) {
    const double begin = thread_seconds();
    work();
    speed = 1e-6 * static_cast<double>(bytes) / (thread_seconds() - begin);
  }
  std::sort(speeds.begin(), speeds.end());
  return {speeds[2], speeds.front(), speeds.back()};
}

/// Inflates the file; compares with `text` where it is given.
void stream(io::Compression kind, const std::string& file, const std::string* text) {
  static std::vector<std::byte> output(piece_bytes);
  const auto inflater = io::make_inflater(kind);
  auto rest = std::as_bytes(std::span(file));
  std::size_t produced_bytes = 0;
  while (true) {
    const auto step = inflater->inflate(rest.first(std::min(rest.size(), piece_bytes)), output);
    if (text && text->compare(produced_bytes, step.produced_bytes, reinterpret_cast<const char*>(output.data()),
                              step.produced_bytes) != 0)
      throw std::runtime_error("inflated to something else");
    rest = rest.subspan(step.consumed_bytes);
    produced_bytes += step.produced_bytes;
    if (step.consumed_bytes == 0 && step.produced_bytes == 0) break;
  }
  inflater->finish();
  if (text && produced_bytes != text->size()) throw std::runtime_error("inflated to another length");
}

void zlib_at_once(const std::string& file, std::string& text) {
  z_stream stream{};
  inflateInit2(&stream, 16 + 15);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file.data()));
  stream.avail_in = static_cast<uInt>(file.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  if (inflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("zlib");
  inflateEnd(&stream);
}

void zstd_at_once(const std::string& file, std::string& text) {
  if (ZSTD_decompress(text.data(), text.size(), file.data(), file.size()) != text.size())
    throw std::runtime_error("libzstd");
}

void report(const char* format, io::Compression kind, const std::string& text, const std::string& file,
            void (*at_once)(const std::string&, std::string&)) {
  stream(kind, file, &text);
  std::string other(text.size(), '\0');
  const Speed ours = measure(text.size(), [&] { stream(kind, file, nullptr); });
  const Speed theirs = measure(text.size(), [&] { at_once(file, other); });
  if (other != text) throw std::runtime_error("the library inflates to something else");
  const Speed copy = measure(text.size(), [&] { std::memcpy(other.data(), text.data(), text.size()); });
  std::printf(
      "inflate format=%s text_mb=%.1f ratio=%.2f mb_per_s=%.0f slowest=%.0f fastest=%.0f library_at_once=%.0f "
      "times=%.2f copy_mb_per_s=%.0f\n",
      format, 1e-6 * static_cast<double>(text.size()),
      static_cast<double>(text.size()) / static_cast<double>(file.size()), ours.median, ours.slowest, ours.fastest,
      theirs.median, ours.median / theirs.median, copy.median);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fputs("usage: inflate_bench FILE...\n", stderr);
    return 2;
  }
  std::string text;
  for (int i = 1; i < count; ++i) {
    std::ifstream file(arguments[i], std::ios::binary);
    if (!file) throw std::runtime_error(std::string("cannot read ") + arguments[i]);
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  report("gzip", io::Compression::gzip, text, gzip_member(text), zlib_at_once);
  report("zstd", io::Compression::zstd, text, zstd_frame(text), zstd_at_once);
}
