// `icosa encode` and `icosa decode`: standard input to standard output, as a pipe.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/token_lines.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/commands.hpp"

namespace pipeline {
namespace {

constexpr std::size_t piece_bytes = 1u << 20;

/// Standard input in pieces; none at its end.
class Input {
 public:
  std::string_view next() {
    const std::size_t got = std::fread(buffer_.data(), 1, buffer_.size(), stdin);
    if (got == 0 && std::ferror(stdin) != 0) throw std::runtime_error("standard input cannot be read");
    return {buffer_.data(), got};
  }

 private:
  std::vector<char> buffer_ = std::vector<char>(piece_bytes);
};

void write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size())
    throw std::runtime_error("standard output cannot be written");
}

void flush() {
  if (std::fflush(stdout) != 0) throw std::runtime_error("standard output cannot be written");
}

/// Calls `take` with each line of standard input, without its newline, and its number from 1. Blank lines are nothing.
template <class Take>
void for_each_line(Take take) {
  Input input;
  std::string rest;
  std::uint64_t number = 0;
  const auto give = [&](std::string_view line) {
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) return;
    try {
      take(line);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(fmt::format("standard input, line {}: {}", number, error.what()));
    }
  };
  for (std::string_view piece = input.next(); !piece.empty(); piece = input.next()) {
    for (std::size_t end = piece.find('\n'); end != piece.npos; end = piece.find('\n')) {
      rest.append(piece.substr(0, end));
      give(rest);
      rest.clear();
      piece.remove_prefix(end + 1);
    }
    rest.append(piece);
  }
  if (!rest.empty()) give(rest);
}

std::unique_ptr<io::Encoder> encoder_of(const io::Tokenizer& tokenizer, const TokenOptions& options) {
  return options.allow_special ? tokenizer.encoder_of_special_tokens() : tokenizer.encoder();
}

void encode_whole(io::Encoder& encoder) {
  Input input;
  std::vector<io::TokenId> ids;
  fmt::memory_buffer out;
  const char* separator = "";
  const auto print = [&] {
    for (const io::TokenId id : ids) {
      fmt::format_to(std::back_inserter(out), "{}{}", separator, id);
      separator = " ";
    }
    write({out.data(), out.size()});
    out.clear();
    ids.clear();
  };
  for (std::string_view piece = input.next(); !piece.empty(); piece = input.next()) {
    encoder.encode(piece, ids);
    print();
  }
  encoder.finish(ids);
  print();
  write("\n");
}

/// Ids in text, separated by white space, that may be cut anywhere.
class IdReader {
 public:
  explicit IdReader(const io::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void read(std::string_view piece, std::string& bytes) {
    for (const char c : piece) {
      const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (!space) {
        word_ += c;
        if (word_.size() > 32) refuse();
      } else if (!word_.empty()) {
        finish(bytes);
      }
    }
  }

  void finish(std::string& bytes) {
    if (word_.empty()) return;
    io::TokenId id = 0;
    const auto [end, error] = std::from_chars(word_.data(), word_.data() + word_.size(), id);
    if (error != std::errc{} || end != word_.data() + word_.size()) refuse();
    bytes += tokenizer_.bytes_of(id);
    word_.clear();
  }

 private:
  [[noreturn]] void refuse() const {
    throw std::runtime_error("standard input: '" + word_ + "' is not a token id; give ids separated by spaces");
  }

  const io::Tokenizer& tokenizer_;
  std::string word_;
};

void decode_whole(const io::Tokenizer& tokenizer) {
  Input input;
  IdReader reader(tokenizer);
  std::string bytes;
  for (std::string_view piece = input.next(); !piece.empty(); piece = input.next()) {
    reader.read(piece, bytes);
    write(bytes);
    bytes.clear();
  }
  reader.finish(bytes);
  write(bytes);
}

}  // namespace

int encode_command(const TokenOptions& options) {
  const auto tokenizer = io::load_tokenizer(options.tokenizer, options.split_pattern);
  const std::unique_ptr<io::Encoder> encoder = encoder_of(*tokenizer, options);
  if (options.jsonl) {
    std::vector<io::TokenId> ids;
    for_each_line([&](std::string_view line) {
      ids.clear();
      encoder->encode(io::text_of_line(line), ids);
      encoder->finish(ids);
      write(io::line_of_ids(ids) + "\n");
    });
  } else {
    encode_whole(*encoder);
  }
  flush();
  return 0;
}

int decode_command(const TokenOptions& options) {
  const auto tokenizer = io::load_tokenizer(options.tokenizer, options.split_pattern);
  if (options.jsonl) {
    for_each_line([&](std::string_view line) {
      const std::vector<io::TokenId> ids = io::ids_of_line(line, tokenizer->vocabulary_size());
      write(io::line_of_text(tokenizer->decode(ids)) + "\n");
    });
  } else {
    decode_whole(*tokenizer);
  }
  flush();
  return 0;
}

}  // namespace pipeline
