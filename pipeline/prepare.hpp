#pragma once

// What is settled about a corpus before a run reads it: which files there are, how they are shuffled, where their
// documents lie, and whether anything is held out.

#include <memory>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/console.hpp"
#include "pipeline/dataset.hpp"
#include "pipeline/document_feed.hpp"
#include "pipeline/settings.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// The corpora of a run, found on disk.
struct Material {
  std::shared_ptr<const io::Tokenizer> tokenizer;
  std::vector<Dataset> datasets;
  Shuffle shuffle = Shuffle::none;  ///< not automatic
  double val_fraction = 0;          ///< 0 where nothing can be held out

  std::uint64_t files_count() const noexcept;
  std::vector<io::Skip> skips() const;  ///< of the walks through the folders
  io::LeftOut left_out() const noexcept;
  std::vector<CorpusShare> shares() const;
};

/// Finds what the settings name, by blocking calls.
///   Throws io::CorpusError, io::TokenizerError, SettingsError, DamageError: one line each.
Material find_material(const DataSettings& settings, double val_fraction);

/// The same in two parts, for whoever needs the files to have a tokenizer. First the walk through the folders: what
/// token files hold is not looked at. Throws io::CorpusError, SettingsError, DamageError.
std::vector<Dataset> find_datasets(const DataSettings& settings);
/// Then the rest. Throws as find_material.
Material make_material(const DataSettings& settings, double val_fraction, std::vector<Dataset> datasets,
                       std::shared_ptr<const io::Tokenizer> tokenizer);

/// Reads what must be known beforehand: the index of documents where they are shuffled globally, written to
/// `index_path`, and whether anything is held out. Shows how far it is.
///   Throws Interrupted where the user asks for the end.
sched::task<void> prepare(io::Files& files, io::BlockShare blocks, const DataSettings& settings, Material& material,
                          Console& console, std::string index_path);

/// How the documents of one side are read.
FeedOptions feed_options(const DataSettings& settings, const Material& material, Selection::Side side);

}  // namespace pipeline
