#pragma once

// From the paths on the command line to the files of a run: which there are, under which names they are known, what is
// in them by their names, and what is left out and why. Walks folders by blocking calls, before a run begins, and opens
// no file but a token folder's index.json.
//
// A PATH is one of
//   a folder      with everything below it;
//   a file        as it is, whatever its name; a link to a file is that file;
//   a pattern     data/*.jsonl.gz, data/**/part-?.txt (io/glob.hpp), where nothing has that very name;
//   @list         a file with a PATH on each line (io/path_list.hpp).

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
  std::uint64_t sample_bytes = 0;  ///< not 0: only so much of its beginning is read, as it lies on disk

  std::uint64_t read_bytes() const noexcept { return sample_bytes == 0 ? size_bytes : sample_bytes; }
};

/// Something that is not trained on, and why. `offset_bytes` is where in the file it was noticed.
struct Skip {
  std::string path;
  std::uint64_t offset_bytes = 0;
  std::string reason;
};

/// What was left out on purpose, without being damage.
struct LeftOut {
  std::uint64_t hidden_count = 0;      ///< names that begin with a dot, in folders
  std::uint64_t special_count = 0;     ///< FIFOs, sockets, devices; links to nowhere, to folders and out of the tree
  std::uint64_t repeated_count = 0;    ///< files that are in the corpus already, under another name
  std::uint64_t companions_count = 0;  ///< files that belong to others: the indexes of token shards and the like

  LeftOut& operator+=(const LeftOut& more) noexcept;
};

struct Corpus {
  /// In the order of the paths; what a pattern matches by path; within a folder by origin, the shards of a token folder
  /// as its index has them, before its folders. All bytewise. Of several names of one file the first one counts.
  std::vector<Source> sources;
  std::vector<Skip> skips;  ///< folders and files that cannot be looked at
  LeftOut left_out;
};

/// Finds the files that `paths` say.
///   Throws CorpusError for a path that does not exist, matches nothing, or is neither a folder nor a regular file.
Corpus find_corpus(const std::vector<std::string>& paths);

/// A number in [0, 1) that depends on the origin alone: it decides what is held out for validation.
double origin_fraction(const std::string& origin) noexcept;

/// The same for a document that begins at `offset_bytes` of a file of many; the one at 0 has the file's own.
double record_fraction(const std::string& origin, std::uint64_t offset_bytes) noexcept;

}  // namespace io
