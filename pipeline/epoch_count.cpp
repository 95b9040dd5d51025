#include "pipeline/epoch_count.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "io/error.hpp"
#include "io/readable_file.hpp"
#include "pipeline/checkpoint_error.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/json.hpp"
#include "pipeline/metrics.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

constexpr std::string_view format_name = "icosa epoch count";
constexpr std::uint64_t version = 1;
constexpr std::size_t bytes_max = 4096;  // of the file: ours has 150

class Counting {
 public:
  Counting(const Ingest& ingest, Console& console, std::optional<std::uint64_t> bytes_total)
      : files_(ingest.files),
        console_(console),
        bytes_total_(bytes_total),
        read_before_(ingest.files.counters().bytes_read),
        batches_(ingest.shape.step_batches_count) {}

  std::uint64_t targets_count() const noexcept { return targets_count_; }

  BatchChannel& batches() noexcept { return batches_; }

  sched::task<void> add_up() {
    for (;;) {
      const std::optional<MicroBatch> batch = co_await batches_.receive();
      if (!batch) break;
      if (interrupted()) throw Interrupted();
      targets_count_ += batch->targets_count;
      if (console_.progress_is_due()) co_await show();
    }
    co_await console_.erase();
  }

 private:
  sched::task<void> show() {
    const std::uint64_t read = files_.counters().bytes_read - read_before_;
    const double passed = std::max(1e-3, seconds(now_ns() - began_ns_));
    std::string line = fmt::format("counting the tokens of the run: {}  {:.0f} MB/s", format_count(targets_count_),
                                   static_cast<double>(read) * 1e-6 / passed);
    if (bytes_total_ && read > 0) {
      const double done =
          std::min(1.0, static_cast<double>(read) / static_cast<double>(std::max<std::uint64_t>(1, *bytes_total_)));
      line += fmt::format("  {:.0f} % of {}  {} left", 100 * done, format_bytes(*bytes_total_),
                          format_duration(passed * (1 - done) / done));
    }
    co_await console_.show_progress(std::move(line));
  }

  io::Files& files_;
  Console& console_;
  std::optional<std::uint64_t> bytes_total_;
  std::uint64_t read_before_;
  std::uint64_t began_ns_ = now_ns();
  BatchChannel batches_;
  std::uint64_t targets_count_ = 0;
};

std::string path_in(const std::string& run) {
  return run + "/epochs.json";
}

}  // namespace

sched::task<std::uint64_t> count_targets(Ingest ingest, sched::Cores& cores, Console& console,
                                         std::optional<std::uint64_t> bytes_total) {
  ingest.helpers = &cores;
  Counting counting(ingest, console, bytes_total);
  sched::Scope scope(ingest.files.executor());
  co_await scope.open();
  scope.spawn(ingest.files.executor(), load_batches(ingest, counting.batches()));
  scope.spawn(ingest.files.executor(), counting.add_up());
  co_await scope.join();
  co_return counting.targets_count();
}

std::string count_key(const RunIdentity& identity) {
  const std::string text = fixed_text(identity.configuration) + identity.tokenizer_json + identity.manifest;
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::optional<std::uint64_t> read_count(const std::string& run, const std::string& key) {
  try {
    const io::ReadableFile file(path_in(run));
    const std::vector<std::byte> bytes = file.read(0, bytes_max);
    const simdjson::padded_string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    simdjson::dom::parser parser;
    const simdjson::dom::element json = parser.parse(text);
    if (json["format"].get_string().value() != format_name) return std::nullopt;
    const std::uint64_t found_version = json["version"].get_uint64().value();
    if (found_version > version)
      throw NewerVersionError(fmt::format("{}: version {} of epoch counts; this icosa knows {}; use a newer icosa",
                                          file.path(), found_version, version));
    if (json["key"].get_string().value() != key) return std::nullopt;
    return json["tokens"].get_uint64().value();
  } catch (const io::FileError&) {
    return std::nullopt;
  } catch (const simdjson::simdjson_error&) {
    return std::nullopt;
  }
}

sched::task<void> keep_count(io::Files& files, const std::string& run, std::string key, std::uint64_t targets_count) {
  const std::string text = fmt::format("{{\"format\": \"{}\", \"version\": {}, \"key\": {}, \"tokens\": {}}}\n",
                                       format_name, version, json_string(key), targets_count);
  const std::string path = path_in(run);
  const std::string temporary = path + ".tmp";
  io::OpenFile file = co_await files.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  co_await files.write(file, 0, std::as_bytes(std::span(text)));
  co_await files.sync(file);
  co_await files.close(std::move(file));
  co_await files.replace(temporary, path);
}

}  // namespace pipeline
