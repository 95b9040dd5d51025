// How fast a corpus becomes bytes or documents on one thread: one measurement, which `./dev bench ingest` repeats, hot
// and cold, beside other programs.
//
//   ingest_bench raw|documents [--read-ahead MIB] PATH...
//
// raw: the blocks that reading ahead gives, not looked at. documents: validated text, parsed JSON, checked tokens.
// Prints one line of JSON: documents, bytes of the files and of the documents, seconds, seconds of this process' time.

#include <sys/resource.h>

#include <asio/co_spawn.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "io/document_reader.hpp"
#include "io/json_record.hpp"
#include "io/utf8.hpp"
#include "sched/scope.hpp"

namespace {

struct Counts {
  std::uint64_t documents = 0;
  std::uint64_t skipped = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t text_bytes = 0;
};

class InOrder final : public io::StretchOrder {
 public:
  explicit InOrder(const std::vector<io::Source>& sources) : sources_(sources) {}
  sched::task<bool> next(io::Stretch& stretch) override {
    if (at_ == sources_.size()) co_return false;
    stretch = io::whole_file(sources_[at_], at_);
    ++at_;
    co_return true;
  }

 private:
  const std::vector<io::Source>& sources_;
  std::size_t at_ = 0;
};

sched::task<void> take_blocks(io::ReadAhead& ahead, Counts& counts) {
  for (;;) {
    const std::optional<io::ReadAhead::Filled> filled = co_await ahead.next();
    if (!filled) break;
    for (const io::Extent& extent : filled->extents) {
      counts.file_bytes += extent.bytes.size();
      counts.documents += extent.last ? 1 : 0;
      counts.skipped += extent.failure.empty() ? 0 : 1;
    }
    ahead.give_back(filled->lane);
  }
  ahead.stop();
}

void look_at(const io::RawDocument& document, io::JsonRecordReader& records, Counts& counts) {
  std::string_view text = document.bytes;
  bool sound = document.kind != io::RawDocument::Kind::skipped;
  if (sound && document.source->format == io::Format::json_lines) {
    const io::JsonRecordReader::Record record = records.read(text);
    sound = record.damage == nullptr;
    text = record.text;
  } else if (sound) {
    sound = !io::first_invalid_utf8(text);
  }
  counts.documents += sound ? 1 : 0;
  counts.skipped += sound ? 0 : 1;
  counts.text_bytes +=
      document.kind == io::RawDocument::Kind::lengthy ? document.end_bytes - document.begin_bytes : text.size();
}

sched::task<void> take_documents(io::DocumentReader& reader, Counts& counts) {
  io::JsonRecordReader records{io::TextKey("text")};
  for (;;) {
    std::optional<io::Slab> slab = co_await reader.next();
    if (!slab) break;
    for (const io::RawDocument& document : slab->documents) look_at(document, records, counts);
    reader.give_back(std::move(*slab));
  }
  reader.stop();
}

sched::task<void> read_all(io::Files& files, const std::vector<io::Source>& sources, bool raw, Counts& counts) {
  InOrder order(sources);
  const io::BlockShare blocks{0, files.blocks_count()};
  sched::Scope scope(files.executor());
  co_await scope.open();
  if (raw) {
    io::ReadAhead ahead(files, files.executor(), order, blocks);
    ahead.start(scope);
    scope.spawn(files.executor(), take_blocks(ahead, counts));
    co_await scope.join();
  } else {
    io::DocumentReader reader(files, files.executor(), order, blocks, {});
    reader.start(scope);
    scope.spawn(files.executor(), take_documents(reader, counts));
    co_await scope.join();
  }
}

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::string> paths;
  unsigned mib = 8;
  bool raw = false;
  for (int i = 1; i < count; ++i) {
    if (i == 1) {
      raw = std::strcmp(arguments[1], "raw") == 0;
    } else if (std::strcmp(arguments[i], "--read-ahead") == 0 && i + 1 < count) {
      mib = static_cast<unsigned>(std::stoul(arguments[++i]));
    } else {
      paths.emplace_back(arguments[i]);
    }
  }
  try {
    const io::Corpus corpus = io::find_corpus(paths);
    io::FilesOptions options;
    options.block_bytes = (256 << 10) + 4096;
    options.blocks_count = 4 * mib;
    const auto files = io::make_files(options);
    Counts counts;
    std::exception_ptr failure;
    const double began_processor = processor_seconds();
    const auto began = std::chrono::steady_clock::now();
    asio::co_spawn(files->executor(), read_all(*files, corpus.sources, raw, counts), [&](std::exception_ptr result) {
      failure = result;
      files->stop();
    });
    files->run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (failure) std::rethrow_exception(failure);
    std::printf(
        "{\"documents\": %llu, \"skipped\": %llu, \"file_bytes\": %llu, \"text_bytes\": %llu, \"seconds\": %.6f, "
        "\"processor_seconds\": %.6f, \"reads\": %llu, \"submissions\": %llu}\n",
        static_cast<unsigned long long>(counts.documents), static_cast<unsigned long long>(counts.skipped),
        static_cast<unsigned long long>(files->counters().bytes_read),
        static_cast<unsigned long long>(counts.text_bytes), seconds, processor_seconds() - began_processor,
        static_cast<unsigned long long>(files->counters().reads),
        static_cast<unsigned long long>(files->counters().submissions));
    return counts.skipped == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ingest_bench: %s\n", error.what());
    return 1;
  }
}
