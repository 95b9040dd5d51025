#pragma once

// The books of a run: every document is trained on, or skipped with a reason, or left out and counted.

#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "pipeline/corpus_stream.hpp"
#include "pipeline/dataset.hpp"

namespace pipeline {

/// A document is damaged and the run is strict, too many are, or there is nothing left to train on. The text is one
/// line.
class DamageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What was read of a format, a file or a corpus, over all epochs.
struct Totals {
  std::uint64_t documents = 0;  ///< whole ones, skipped left out
  std::uint64_t skipped = 0;    ///< each once
  std::uint64_t bytes = 0;      ///< of the documents' text
  std::uint64_t tokens = 0;     ///< end-of-text not counted

  Totals& operator+=(const Totals& more) noexcept;
};

/// Of a file of many documents.
struct FileTotals {
  std::string path;
  std::string kind;  ///< e.g. "jsonl.gz"
  Totals totals;
};

/// A corpus of a mixture, as it was asked for.
struct CorpusShare {
  std::string name;
  double weight;
};

/// Kept by ingest, on its executor, about all it has read; and once more by the control, step by step, about what has
/// been trained on, which is what a run's totals and its checkpoints say.
class Accounting {
 public:
  struct Rules {
    bool strict = false;                 ///< the first damaged document ends the run
    double max_skipped_fraction = 0.01;  ///< more damaged documents than that end it
  };

  Accounting() = default;
  explicit Accounting(const Rules& rules) : rules_(rules) {}

  /// Enters a part of a document of corpus number `corpus`. False for a skip that was entered in an earlier epoch.
  ///   Throws DamageError where a skip is one too many.
  bool enter(const TokenPart& part, std::size_t corpus);
  /// Enters a whole document.
  void enter(const io::Source& source, std::size_t corpus, const Totals& totals);
  /// What `more` has entered, as if it had been entered here; nobody is judged.
  Accounting& operator+=(const Accounting& more);

  /// Throws DamageError where too large a part of what was met so far is damaged.
  void check_epoch() const;

  const Totals& all() const noexcept { return all_; }
  std::uint64_t binaries_count() const noexcept { return binaries_count_; }
  const std::vector<io::Skip>& skips() const noexcept { return skips_; }
  const std::vector<std::uint64_t>& epochs() const noexcept { return epochs_; }  ///< ended, of each corpus
  const std::vector<Totals>& corpora() const noexcept { return corpora_; }
  /// By kind of file, e.g. "jsonl.gz".
  const std::map<std::string, Totals>& formats() const noexcept { return formats_; }
  /// By file, for files of many documents. Called while the corpus is there.
  std::vector<FileTotals> record_files() const;

 private:
  friend std::string to_json(const Accounting& accounting, const std::vector<Dataset>& datasets);
  friend class AccountingReader;

  void check_fraction(double allowed) const;
  bool enter_skip(const io::RawDocument& document, std::size_t corpus);
  void make_room(std::size_t corpora_count);

  Rules rules_;
  Totals all_;
  std::uint64_t binaries_count_ = 0;
  std::vector<io::Skip> skips_;
  std::set<std::string> met_;  // the skips, as lines: of earlier epochs, and of a run that is gone on with
  std::vector<std::uint64_t> epochs_;
  std::vector<Totals> corpora_;
  std::map<std::string, Totals> formats_;
  std::map<const io::Source*, Totals> files_;  // of many documents
};

/// "PATH: REASON at byte N", for people.
std::string describe(const io::Skip& skip);

/// One line of skipped.jsonl, with its newline. Bytes of the path that are not UTF-8 become U+FFFD.
std::string to_json_line(const io::Skip& skip);

}  // namespace pipeline
