#pragma once

// The plan: which documents are read, in which order, epoch after epoch. A function of the seed and the corpus alone,
// never of time, cores or completions. What an order gives is read by io::ReadAhead.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "io/document_index.hpp"
#include "io/permutation.hpp"
#include "io/raw_document.hpp"
#include "io/stretch.hpp"
#include "sched/task.hpp"

namespace pipeline {

enum class Shuffle {
  automatic,  ///< global where nothing is compressed, else window
  none,
  window,
  global,
};

/// As --shuffle names it.
const char* shuffle_name(Shuffle shuffle) noexcept;

/// Where to go on reading after a document: a few numbers, however far into the corpus.
struct StreamPosition {
  std::uint64_t unit = 0;          ///< of the order, over all epochs
  std::uint64_t wanted_bytes = 0;  ///< in the unit's file, decompressed: documents that begin earlier have been used
  io::RestartPoint restart;        ///< where that file can be read from

  bool operator==(const StreamPosition&) const = default;
};

/// The position behind `document`. `one_per_unit`: the order gives each document a unit of its own.
StreamPosition position_after(const io::RawDocument& document, bool one_per_unit) noexcept;

/// Documents held out for validation, and those left for training, by a hash of their origin.
struct Selection {
  enum class Side { all, training, validation };
  Side side = Side::all;
  double fraction = 0;

  bool takes_file(const io::Source& source) const noexcept;
  /// For a record of a file of many.
  bool takes_record(const io::Source& source, std::uint64_t offset_bytes) const noexcept;
};

/// Of one corpus: the files of one side. Files of records belong to both.
std::vector<const io::Source*> select_files(const std::vector<io::Source>& sources, const Selection& selection);

/// Whole files: every `streams_count`-th from the `stream`-th on, as found or shuffled anew in each epoch. Each epoch
/// ends with a mark.
class FileOrder final : public io::StretchOrder {
 public:
  struct Shape {
    bool shuffled = false;
    std::uint64_t seed = 0;
    std::uint64_t epochs_max = 0;  ///< 0: without end
    std::size_t streams_count = 1;
    std::size_t stream = 0;
  };

  /// `files` outlive it.
  FileOrder(const std::vector<const io::Source*>& files, const Shape& shape, const StreamPosition& start);

  sched::task<bool> next(io::Stretch& stretch) override;

 private:
  const std::vector<const io::Source*>& files_;
  Shape shape_;
  std::uint64_t files_per_epoch_;
  StreamPosition start_;
  std::uint64_t unit_;
  std::optional<io::Permutation> permutation_;
  std::uint64_t permutation_epoch_ = 0;
};

/// All documents of a corpus in a random order, a new one in each epoch, found through an index.
class DocumentOrder final : public io::StretchOrder {
 public:
  struct Shape {
    std::uint64_t seed = 0;
    std::uint64_t epochs_max = 0;  ///< 0: without end
    Selection selection;
  };

  /// `sources` and `index` outlive it.
  DocumentOrder(const std::vector<io::Source>& sources, io::DocumentIndex& index, const Shape& shape,
                const StreamPosition& start);

  sched::task<bool> next(io::Stretch& stretch) override;

 private:
  sched::task<void> look_up();

  const std::vector<io::Source>& sources_;
  io::DocumentIndex& index_;
  Shape shape_;
  std::uint64_t unit_;
  std::deque<io::Stretch> ahead_;
};

}  // namespace pipeline
