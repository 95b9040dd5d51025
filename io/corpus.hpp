#pragma once

// From the paths on the command line to the documents of a run: which files there are, under which names they are
// known, and what is left out and why. Walks directories by blocking calls, before a run begins.

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/format.hpp"

namespace io {

/// A path that cannot be a corpus. The text is one line that names it and says what to do.
class CorpusError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TokenFile;

/// A file of the corpus.
struct Source {
  std::string path;    ///< as it is opened
  std::string origin;  ///< relative to the PATH given (the file's name where PATH is a file): its name for good
  std::uint64_t size_bytes = 0;  ///< when it was found
  Format format = Format::text;
  Compression compression = Compression::none;
  std::shared_ptr<const TokenFile> tokens = nullptr;  ///< of a file of tokens, once its header has been looked at
};

/// Something that is not trained on, and why. `offset_bytes` is where in the file it was noticed.
struct Skip {
  std::string path;
  std::uint64_t offset_bytes = 0;
  std::string reason;
};

/// What was left out on purpose, without being damage.
struct LeftOut {
  std::uint64_t hidden_count = 0;    ///< names that begin with a dot, in folders
  std::uint64_t special_count = 0;   ///< FIFOs, sockets, devices, links that lead nowhere or to folders
  std::uint64_t repeated_count = 0;  ///< files that are in the corpus already, under another name

  LeftOut& operator+=(const LeftOut& more) noexcept;
};

struct Corpus {
  std::vector<Source> sources;  ///< in the order of the paths, within a folder by origin, bytewise
  std::vector<Skip> skips;      ///< folders and files that cannot be looked at
  LeftOut left_out;
};

/// Finds the documents below `paths`: folders recursively, files as they are.
///   Throws CorpusError for a path that does not exist or is neither a folder nor a regular file.
Corpus find_corpus(const std::vector<std::string>& paths);

/// A number in [0, 1) that depends on the origin alone: it decides what is held out for validation.
double origin_fraction(const std::string& origin) noexcept;

/// The same for a record that begins at `offset_bytes` of a file of many.
double record_fraction(const std::string& origin, std::uint64_t offset_bytes) noexcept;

}  // namespace io
