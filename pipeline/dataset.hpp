#pragma once

// A corpus of a run: its files, its share in a mixture, and, where its documents are read in a random order, the index
// by which they are found.

#include <memory>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/document_index.hpp"

namespace pipeline {

struct Dataset {
  std::string name;   ///< of --mix, or empty
  double weight = 1;  ///< its share of the documents
  io::Corpus corpus;
  std::unique_ptr<io::DocumentIndex> index;  ///< for Shuffle::global, once it is built
};

}  // namespace pipeline
