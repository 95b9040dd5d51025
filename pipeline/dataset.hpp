#pragma once

// A corpus of a run: its files, its share in a mixture, and, where its documents are read in a random order, the index
// by which they are found.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/document_index.hpp"

namespace pipeline {

struct Dataset {
  std::string name;                ///< of --mix, or empty
  double weight = 1;               ///< its share of the documents
  std::vector<std::string> paths;  ///< as they were given
  io::Corpus corpus;
  std::unique_ptr<io::DocumentIndex> index;  ///< for Shuffle::global, once it is built

  /// Where it is known without reading the files.
  std::optional<std::uint64_t> documents_count() const {
    if (index) return index->documents_count();
    for (const io::Source& source : corpus.sources)
      if (source.format != io::Format::text) return std::nullopt;
    return corpus.sources.size();
  }
};

}  // namespace pipeline
