#pragma once

// Where the documents of a token file end, read off the index beside it in order and a little at a time: a billion
// documents need no more memory than ten. Pure computation: says which bytes of the index it needs next, and whoever
// uses it reads them, in blocks of any size. Used by TokenDocuments.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/token_file.hpp"

namespace io {

/// A place between two documents of a token file, from which reading can begin. The default is the first document.
struct TokenPosition {
  std::uint64_t token = 0;     ///< tokens before it
  std::uint64_t document = 0;  ///< documents before it, damaged ones included
  std::uint64_t sequence = 0;  ///< Megatron's sequences before it

  bool operator==(const TokenPosition&) const = default;
};

class TokenIndex {
 public:
  /// Bytes of the index file.
  struct Stretch {
    std::uint64_t offset_bytes = 0;
    std::size_t bytes = 0;
  };
  enum class State {
    known,    ///< `end()` says where the next document ends
    needed,   ///< bytes of the index are: `wanted()`
    over,     ///< there is no further document
    damaged,  ///< `damage()` says why; it stays so
  };

  /// Requires file.index_path, and a position that `position()` gave for the same file.
  explicit TokenIndex(const TokenFile& file, const TokenPosition& start = {});
  TokenIndex(const TokenIndex&) = delete;
  TokenIndex& operator=(const TokenIndex&) = delete;

  /// What can be said of the next document.
  State look();
  /// After `known`: the token at which it ends, the end-of-text token at its end included.
  std::uint64_t end() const noexcept { return tokens_; }
  /// After `known`: passes the document.
  void pass();

  /// After `needed`: what to read of the index file. Requires bytes_max >= 8.
  Stretch wanted(std::size_t bytes_max) const;
  /// Takes what was read of what `wanted` said: all of it, or the beginning; nothing where the file ends there, which
  /// is damage.
  void add(std::span<const std::byte> bytes);

  const std::string& damage() const noexcept { return damage_; }
  /// Behind the document that was passed last.
  const TokenPosition& position() const noexcept { return position_; }

 private:
  /// Numbers of one size, one after the other.
  struct Column {
    std::uint64_t offset_bytes = 0;  // in the file, of what is read next
    std::uint64_t left_bytes = 0;    // from there
    unsigned entry_bytes = 8;
    std::vector<std::byte> read;
    std::size_t used_bytes = 0;  // of `read`

    bool has_entry() const noexcept { return read.size() - used_bytes >= entry_bytes; }
    std::int64_t take() noexcept;
  };

  static Column column(std::uint64_t begin, unsigned entry_bytes, std::uint64_t count, std::uint64_t first);
  State need(Column& column) noexcept;
  State fail(std::string reason);
  State look_at_shard();
  State look_at_megatron();

  TokenFile file_;
  TokenPosition position_;
  std::uint64_t tokens_;     // before the end of what has been looked at
  std::uint64_t sequences_;  // likewise
  bool known_ = false;
  std::optional<std::uint64_t> sequences_end_;  // of the document looked at
  Column ends_;                                 // of documents: in tokens, or in Megatron's sequences
  Column lengths_;
  Column pointers_;
  Column* needed_ = nullptr;
  std::string damage_;
};

}  // namespace io
