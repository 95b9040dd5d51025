#include "io/read_ahead.hpp"

#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>
#include <exception>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace {

/// Real files, whose answers come in a random order: every operation is held back for a random number of turns.
class DelayedFiles final : public io::Files {
 public:
  DelayedFiles(std::unique_ptr<io::Files> files, unsigned seed) : files_(std::move(files)), random_(seed) {}

  asio::any_io_executor executor() noexcept override { return files_->executor(); }
  void run() override { files_->run(); }
  void stop() noexcept override { files_->stop(); }
  std::string description() const override { return files_->description(); }
  io::FileCounters counters() const noexcept override { return files_->counters(); }
  unsigned blocks_count() const noexcept override { return files_->blocks_count(); }
  std::size_t block_bytes() const noexcept override { return files_->block_bytes(); }
  io::Block block(unsigned index) noexcept override { return files_->block(index); }

  sched::task<io::OpenFile> open(std::string path, int flags, unsigned mode) override {
    co_await delay();
    io::OpenFile file = co_await files_->open(std::move(path), flags, mode);
    co_return file;
  }
  sched::task<io::FileStatus> status(const io::OpenFile& file) override {
    co_await delay();
    const io::FileStatus status = co_await files_->status(file);
    co_return status;
  }
  sched::task<std::size_t> read(const io::OpenFile& file, std::uint64_t offset_bytes, io::Block block,
                                std::size_t bytes_max) override {
    co_await delay();
    // Short reads, as the kernel may give them.
    const std::size_t bytes = 1 + random_() % bytes_max;
    const std::size_t got = co_await files_->read(file, offset_bytes, block, bytes);
    co_return got;
  }
  sched::task<std::optional<std::size_t>> read_cached(const io::OpenFile& file, std::uint64_t offset_bytes,
                                                      io::Block block, std::size_t bytes_max) override {
    return files_->read_cached(file, offset_bytes, block, bytes_max);
  }
  sched::task<void> read_whole(std::span<io::WholeRead> reads) override { return files_->read_whole(reads); }
  sched::task<void> close(io::OpenFile file) override {
    co_await delay();
    co_await files_->close(std::move(file));
  }
  sched::task<void> write(const io::OpenFile& file, std::uint64_t offset, std::span<const std::byte> bytes) override {
    return files_->write(file, offset, bytes);
  }
  sched::task<void> sync(const io::OpenFile& file) override { return files_->sync(file); }
  sched::task<void> make_directory(std::string path) override { return files_->make_directory(std::move(path)); }
  sched::task<void> rename(std::string from, std::string to) override {
    return files_->rename(std::move(from), std::move(to));
  }
  sched::task<void> remove_file(std::string path) override { return files_->remove_file(std::move(path)); }
  sched::task<void> remove_directory(std::string path) override { return files_->remove_directory(std::move(path)); }

 private:
  sched::task<void> delay() {
    for (unsigned turns = random_() % 40; turns > 0; --turns) co_await asio::post(executor(), asio::use_awaitable);
  }

  std::unique_ptr<io::Files> files_;
  std::mt19937 random_;
};

/// What a consumer saw of one document.
struct Seen {
  std::string path;
  std::string text;
  std::optional<io::Skip> skip;
};

sched::task<void> consume(io::ReadAhead& documents, std::size_t stop_after, std::vector<Seen>& seen) {
  bool fresh = true;
  while (seen.size() < stop_after || !fresh) {
    const std::optional<io::Piece> piece = co_await documents.next();
    if (!piece) break;
    if (fresh) seen.push_back({piece->source().path, "", {}});
    seen.back().text += piece->text();
    if (piece->skip()) seen.back().skip = piece->skip();
    fresh = piece->last();
  }
  documents.stop();
}

sched::task<void> read_all(io::Files& files, const std::vector<io::Source>& sources, std::size_t stop_after,
                           std::vector<Seen>& seen) {
  const io::Order order = [&sources](std::uint64_t position) {
    return position < sources.size() ? &sources[position] : nullptr;
  };
  io::ReadAhead documents(files, order, 0, files.blocks_count());
  sched::Scope scope(files.executor());
  documents.start(scope);
  scope.spawn(files.executor(), consume(documents, stop_after, seen));
  co_await scope.join();
}

struct ReadAheadFixture {
  tests::TemporaryFolder folder;
  std::vector<io::Source> sources;
  std::vector<std::string> texts;

  void add(std::string text) {
    const std::string path = (folder.path() / std::to_string(sources.size())).string();
    std::ofstream(path, std::ios::binary) << text;
    sources.push_back({path, std::to_string(sources.size()), text.size()});
    texts.push_back(std::move(text));
  }

  std::vector<Seen> read(unsigned seed, io::FilesKind kind, std::size_t stop_after = ~std::size_t{0}) {
    io::FilesOptions options;
    options.kind = kind;
    options.blocks_count = 10;
    options.block_bytes = 4096;
    DelayedFiles files(io::make_files(options), seed);
    std::vector<Seen> seen;
    std::exception_ptr failure;
    asio::co_spawn(files.executor(), read_all(files, sources, stop_after, seen), [&](std::exception_ptr result) {
      failure = result;
      files.stop();
    });
    files.run();
    if (failure) std::rethrow_exception(failure);
    return seen;
  }
};

std::string text_of_length(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "öst" + std::to_string(text.size());
  return text;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(read_ahead, ReadAheadFixture)

BOOST_AUTO_TEST_CASE(documents_come_in_the_order_of_the_plan_whatever_the_order_of_completions) {
  for (std::size_t i = 0; i < 60; ++i) add(text_of_length(i % 7 == 0 ? 30000 + i : i * 40 % 4200));
  for (unsigned seed = 0; seed < 8; ++seed) {
    const std::vector<Seen> seen = read(seed, seed % 2 == 0 ? io::FilesKind::automatic : io::FilesKind::threads);
    BOOST_REQUIRE_EQUAL(seen.size(), sources.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      BOOST_TEST(seen[i].path == sources[i].path);
      BOOST_TEST((seen[i].text == texts[i]));
      BOOST_TEST(!seen[i].skip.has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_damaged_is_skipped_with_its_place_and_nothing_of_it_is_handed_on) {
  add("fine");
  add("abc\xff");
  add(text_of_length(9000) + "\xc3(");
  const std::size_t long_length = texts[2].size();
  add(std::string("a\0b", 3));
  add("");
  sources.push_back({(folder.path() / "vanished").string(), "vanished", 5});
  add("fine too");
  const std::vector<Seen> seen = read(1, io::FilesKind::automatic);
  BOOST_REQUIRE_EQUAL(seen.size(), 7u);
  BOOST_TEST(seen[0].text == "fine");
  BOOST_TEST(seen[1].skip.value().offset_bytes == 3u);
  BOOST_TEST(seen[2].skip.value().offset_bytes == long_length - 2);
  BOOST_TEST(seen[3].skip.value().reason == io::binary_reason);
  BOOST_TEST(!seen[4].skip.has_value());
  BOOST_TEST(seen[5].skip.value().reason == "No such file or directory");
  BOOST_TEST(seen[6].text == "fine too");
  for (const std::size_t skipped : {1u, 2u, 3u, 5u}) BOOST_TEST(seen[skipped].text.empty());
}

BOOST_AUTO_TEST_CASE(a_consumer_may_stop_anywhere) {
  for (std::size_t i = 0; i < 40; ++i) add(text_of_length(i % 5 == 0 ? 20000 : 100));
  for (std::size_t stop_after = 1; stop_after < 20; stop_after += 3)
    BOOST_TEST(read(static_cast<unsigned>(stop_after), io::FilesKind::automatic, stop_after).size() == stop_after);
}

BOOST_AUTO_TEST_SUITE_END()
