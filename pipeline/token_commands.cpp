// `icosa encode` and `icosa decode`: standard input to standard output, as a pipe; lines on all cores, in order.

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/token_lines.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/line_work.hpp"

namespace pipeline {
namespace {

constexpr std::size_t piece_bytes = 256u << 10;

std::unique_ptr<io::Encoder> encoder_of(const io::Tokenizer& tokenizer, const TokenOptions& options) {
  return options.allow_special ? tokenizer.encoder_of_special_tokens() : tokenizer.encoder();
}

void encode_whole(io::Encoder& encoder) {
  StandardInput input(piece_bytes);
  std::vector<io::TokenId> ids;
  fmt::memory_buffer out;
  const char* separator = "";
  const auto print = [&] {
    for (const io::TokenId id : ids) {
      fmt::format_to(std::back_inserter(out), "{}{}", separator, id);
      separator = " ";
    }
    write_to_standard_output({out.data(), out.size()});
    out.clear();
    ids.clear();
  };
  for (std::string_view piece = input.next(); !piece.empty(); piece = input.next()) {
    encoder.encode(piece, ids);
    print();
  }
  encoder.finish(ids);
  print();
  write_to_standard_output("\n");
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
  StandardInput input(piece_bytes);
  IdReader reader(tokenizer);
  std::string bytes;
  for (std::string_view piece = input.next(); !piece.empty(); piece = input.next()) {
    reader.read(piece, bytes);
    write_to_standard_output(bytes);
    bytes.clear();
  }
  reader.finish(bytes);
  write_to_standard_output(bytes);
}

}  // namespace

int encode_command(const TokenOptions& options) {
  const auto tokenizer = io::load_tokenizer(options.tokenizer, options.split_pattern);
  if (options.jsonl) {
    work_on_lines([&]() -> LineWork {
      const std::shared_ptr<io::Encoder> encoder = encoder_of(*tokenizer, options);
      return [encoder, ids = std::vector<io::TokenId>()](std::string_view line, std::string& out) mutable {
        ids.clear();
        encoder->encode(io::text_of_line(line), ids);
        encoder->finish(ids);
        out += io::line_of_ids(ids);
      };
    });
  } else {
    encode_whole(*encoder_of(*tokenizer, options));
  }
  flush_standard_output();
  return 0;
}

int decode_command(const TokenOptions& options) {
  const auto tokenizer = io::load_tokenizer(options.tokenizer, options.split_pattern);
  if (options.jsonl) {
    work_on_lines([&]() -> LineWork {
      return [&](std::string_view line, std::string& out) {
        const std::vector<io::TokenId> ids = io::ids_of_line(line, tokenizer->vocabulary_size());
        out += io::line_of_text(tokenizer->decode(ids));
      };
    });
  } else {
    decode_whole(*tokenizer);
  }
  flush_standard_output();
  return 0;
}

}  // namespace pipeline
