#include "pipeline/text_sample.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "io/error.hpp"
#include "io/readable_file.hpp"

namespace pipeline {
namespace {

/// Lines and words longer than that are cut within.
constexpr std::size_t looked_back_bytes = 1 << 20;

std::uint64_t text_bytes_of(const io::Source& source) noexcept {
  return source.size_bytes * (source.compression == io::Compression::none ? 1 : bytes_of_compressed);
}

/// A compressed file that is one document: its text is there when all of it is.
bool is_read_whole(const io::Source& source) noexcept {
  return source.format == io::Format::text && source.compression != io::Compression::none;
}

/// The most that each may give for the sum to stay within `bytes_max`.
std::uint64_t level_of(std::vector<std::uint64_t> sizes, std::uint64_t bytes_max) {
  std::sort(sizes.begin(), sizes.end());
  std::uint64_t left = bytes_max;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::uint64_t share = left / (sizes.size() - i);
    if (sizes[i] > share) return share;
    left -= sizes[i];
  }
  return bytes_max;
}

/// The smallest n for which every n-th together are at most `bytes_max`.
std::size_t step_of(const std::vector<std::uint64_t>& sizes, std::uint64_t bytes_max) {
  for (std::size_t n = 1;; ++n) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < sizes.size(); i += n) sum += sizes[i];
    if (sum <= bytes_max) return n;
  }
}

/// The length of `text`, or of as much of it as ends with a whole line, word or character.
std::size_t whole_length(std::string_view text, bool only_lines) noexcept {
  const std::size_t at = text.find_last_of(only_lines ? "\n" : "\n ");
  if (at != text.npos) return text[at] == '\n' ? at + 1 : at;
  if (only_lines) return text.size();
  std::size_t last = text.size() - 1;  // where the last character begins
  while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
  return last;
}

void end_sample(io::Source& source) {
  const std::uint64_t begin = source.sample_bytes - std::min<std::uint64_t>(source.sample_bytes, looked_back_bytes);
  try {
    const io::ReadableFile file(source.path);
    const std::vector<std::byte> bytes = file.read(begin, source.sample_bytes - begin);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.empty()) return;
    const std::uint64_t length = begin + whole_length(text, source.format == io::Format::json_lines);
    if (length != 0) source.sample_bytes = length;
  } catch (const io::FileError&) {
  }
}

}  // namespace

bool holds_text(const io::Source& source) noexcept {
  return source.format != io::Format::tokens;
}

std::vector<Dataset> text_sample(const std::vector<Dataset>& datasets, std::uint64_t bytes_max) {
  std::vector<Dataset> sample(datasets.size());
  std::vector<std::uint64_t> sizes;
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    for (const io::Source& source : datasets[i].corpus.sources) {
      if (!holds_text(source) || (is_read_whole(source) && text_bytes_of(source) > bytes_max)) continue;
      sample[i].corpus.sources.push_back(source);
      sizes.push_back(text_bytes_of(source));
    }
  }
  const std::uint64_t of_one_max = std::max(level_of(sizes, bytes_max), bytes_max / sampled_files_min);
  sizes.clear();
  for (Dataset& dataset : sample) {
    for (io::Source& source : dataset.corpus.sources) {
      const std::uint64_t bytes = text_bytes_of(source);
      const bool is_cut = bytes > of_one_max && !is_read_whole(source);
      if (is_cut) source.sample_bytes = std::max<std::uint64_t>(1, of_one_max / (bytes / source.size_bytes));
      sizes.push_back(is_cut ? of_one_max : bytes);
    }
  }
  const std::size_t n = step_of(sizes, bytes_max);
  std::size_t i = 0;
  for (Dataset& dataset : sample)
    std::erase_if(dataset.corpus.sources, [&](const io::Source&) { return i++ % n != 0; });
  std::erase_if(sample, [](const Dataset& dataset) { return dataset.corpus.sources.empty(); });
  return sample;
}

void end_samples(std::vector<Dataset>& sample) {
  for (Dataset& dataset : sample)
    for (io::Source& source : dataset.corpus.sources)
      if (source.sample_bytes != 0 && source.compression == io::Compression::none) end_sample(source);
}

}  // namespace pipeline
