#pragma once

// Small corpora of every format, with the documents that they hold.

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/json_string.hpp"
#include "tests/support/temporary_folder.hpp"

namespace tests {

/// Compressed as one gzip member, one zstd frame.
inline std::string gzip(const std::string& text) {
  std::string out(text.size() + text.size() / 8 + 1024, '\0');
  isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<std::uint32_t>(text.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  if (isal_deflate_stateless(&stream) != COMP_OK) throw std::runtime_error("gzip");
  out.resize(stream.total_out);
  return out;
}

inline std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// Words, some of them not ASCII; a given length in bytes or a little more.
inline std::string text_of(std::mt19937& random, std::size_t bytes) {
  static const char* const words[] = {"sphere ", "weight\n", "öst ", "“quoted” ", "and\t", "\\ ", "12,000 ", "🌐 "};
  std::string text;
  while (text.size() < bytes) text += words[random() % std::size(words)];
  return text;
}

/// Texts as lines of JSON; now and then a blank line, a carriage return, other members.
inline std::string json_lines(std::mt19937& random, const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) {
    lines += random() % 3 == 0 ? "{\"id\": 7, \"text\": " : "{\"text\":";
    io::append_json_string(lines, text);
    lines += random() % 4 == 0 ? ", \"more\": [1, {\"text\": null}]}" : "}";
    lines += random() % 5 == 0 ? "\r\n" : "\n";
    if (random() % 7 == 0) lines += random() % 2 == 0 ? "\n" : " \t\n";
  }
  if (random() % 2 == 0 && lines.ends_with('\n')) lines.pop_back();
  return lines;
}

class CorpusFolder {
 public:
  explicit CorpusFolder(unsigned seed) : random_(seed) {}

  std::string path() const { return folder_.path().string(); }
  /// The documents by their order within the files, files by name.
  const std::vector<std::string>& texts() const noexcept { return texts_; }
  std::mt19937& random() noexcept { return random_; }

  void add_file(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_.path() / name, std::ios::binary) << bytes;
  }
  /// A text file; its name ends in .gz or .zst where it is to be compressed.
  void add_text(const std::string& name, const std::string& text) {
    texts_.push_back(text);
    add_file(name, compressed(name, text));
  }
  void add_records(const std::string& name, const std::vector<std::string>& texts) {
    texts_.insert(texts_.end(), texts.begin(), texts.end());
    add_file(name, compressed(name, json_lines(random_, texts)));
  }
  std::vector<std::string> make_texts(std::size_t count, std::size_t bytes_max) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i)
      texts.push_back(text_of(random_, random_() % 9 == 0 ? random_() % bytes_max : random_() % 200));
    return texts;
  }

  /// Some of everything: files named so that their order is the order in which they were added.
  void add_everything(std::size_t bytes_max) {
    add_text("a.txt", text_of(random_, 300));
    add_records("b.jsonl", make_texts(80, bytes_max));
    add_text("c.txt", text_of(random_, bytes_max));
    add_records("d.jsonl.gz", make_texts(60, bytes_max));
    add_text("e.md", "");
    add_records("f.ndjson.zst", make_texts(60, bytes_max));
    add_text("g.txt.gz", text_of(random_, bytes_max));
    for (int i = 0; i < 20; ++i) add_text("h" + std::to_string(10 + i), text_of(random_, random_() % 500));
    add_text("i.txt.zst", text_of(random_, 100));
    add_records("j.jsonl", {});
    add_records("k.jsonl", make_texts(3, bytes_max));
  }

 private:
  /// In several members or frames, cut anywhere.
  std::string compressed(const std::string& name, const std::string& bytes) {
    const bool is_gzip = name.ends_with(".gz");
    if (!is_gzip && !name.ends_with(".zst")) return bytes;
    std::string out;
    std::size_t at = 0;
    do {
      const std::size_t part = std::min<std::size_t>(bytes.size() - at, 1 + random_() % 20000);
      out += is_gzip ? gzip(bytes.substr(at, part)) : zstd(bytes.substr(at, part));
      at += part;
    } while (at < bytes.size());
    return out;
  }

  TemporaryFolder folder_;
  std::mt19937 random_;
  std::vector<std::string> texts_;
};

}  // namespace tests
