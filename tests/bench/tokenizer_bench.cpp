// How fast text becomes ids: one measurement, which `./dev bench tokenizer` repeats and sets beside other programs.
//
//   tokenizer_bench TOKENIZER FILE [THREADS [SECONDS]]
//
// Each thread encodes the whole file as one document, again and again. Prints one line of JSON: bytes and ids of the
// file, the ids' hash (XXH3, 64 bits), seconds to load the tokenizer, the heap that an encoder holds once it has
// encoded the file, and the median of the passes' MB/s of all threads.

#include <fmt/format.h>
#include <malloc.h>
#include <time.h>
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "io/tokenizer.hpp"

namespace {

/// Processor time of the calling thread: what other programs take of a shared machine does not count.
struct ThreadTime {
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Passes over the text for so long; the median's MB/s.
double passes(const io::Tokenizer& tokenizer, const std::string& text, double seconds) {
  const auto encoder = tokenizer.encoder();
  std::vector<io::TokenId> ids;
  ids.reserve(text.size());
  std::vector<double> rates;
  for (const auto began = Clock::now(); rates.size() < 3 || seconds_since(began) < seconds;) {
    ids.clear();
    const double pass_began = ThreadTime::now();
    encoder->encode(text, ids);
    encoder->finish(ids);
    rates.push_back(static_cast<double>(text.size()) * 1e-6 / (ThreadTime::now() - pass_began));
  }
  return median(rates);
}

std::size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// What another thread costs: its encoder, after the whole text.
std::size_t encoder_bytes(const io::Tokenizer& tokenizer, const std::string& text) {
  std::vector<io::TokenId> ids;
  ids.reserve(text.size());
  const std::size_t before = heap_bytes();
  const auto encoder = tokenizer.encoder();
  encoder->encode(text, ids);
  encoder->finish(ids);
  return heap_bytes() - before;
}

int run(int argument_count, char** arguments) {
  if (argument_count < 3) {
    std::fputs("tokenizer_bench TOKENIZER FILE [THREADS [SECONDS]]\n", stderr);
    return 2;
  }
  std::ifstream file(arguments[2], std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto threads_count = argument_count > 3 ? std::stoul(arguments[3]) : 1;
  const double seconds = argument_count > 4 ? std::stod(arguments[4]) : 1;

  const auto began = Clock::now();
  const auto tokenizer = io::load_tokenizer(arguments[1]);
  const double load_seconds = seconds_since(began);
  const std::vector<io::TokenId> ids = tokenizer->encode(text);
  const std::size_t held_bytes = encoder_bytes(*tokenizer, text);
  std::vector<double> rates(threads_count);
  {
    std::vector<std::jthread> threads;
    for (double& rate : rates) threads.emplace_back([&] { rate = passes(*tokenizer, text, seconds); });
  }
  double rate = 0;
  for (const double one : rates) rate += one;
  std::puts(
      fmt::format(
          R"({{"bytes": {}, "ids": {}, "hash": "{:016x}", "load_seconds": {:.4f}, "encoder_bytes": {}, "mb_per_second": {:.2f}}})",
          text.size(), ids.size(), XXH3_64bits(ids.data(), ids.size() * sizeof(io::TokenId)), load_seconds, held_bytes,
          rate)
          .c_str());
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count, arguments);
  } catch (const std::exception& error) {
    std::fputs((std::string("tokenizer_bench: ") + error.what() + "\n").c_str(), stderr);
    return 1;
  }
}
