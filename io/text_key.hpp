#pragma once

// Which value of a JSON record is the text of a document: what `--text-key` says.

#include <span>
#include <string>
#include <vector>

namespace io {

/// Where in a record its text stands: "text", or "a.b.c" for the "c" in the object "b" in the object "a". A key that
/// has a dot in itself cannot be named.
class TextKey {
 public:
  /// Throws std::invalid_argument, with one line that says what is wrong, where `dotted` or a part of it is empty or is
  /// not valid UTF-8: no record has such a key, or nobody means it.
  explicit TextKey(std::string dotted);

  /// From the outermost object inwards; at least one.
  std::span<const std::string> parts() const noexcept { return parts_; }

 private:
  std::vector<std::string> parts_;
};

}  // namespace io
