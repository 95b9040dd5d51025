#include "pipeline/ingest.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/prepare.hpp"
#include "tests/io/files_help.hpp"
#include "tests/support/corpus_folder.hpp"
#include "tests/support/delayed_files.hpp"

namespace {

namespace data = boost::unit_test::data;
using pipeline::MicroBatch;
using pipeline::Shuffle;

struct Settings {
  pipeline::DataSettings data;
  double val_fraction = 0;
  std::uint64_t epochs = 1;
  unsigned files_seed = 0;
  unsigned blocks_count = 24;
  std::size_t block_bytes = 8192;
};

/// What ingest gave.
struct Batches {
  std::vector<io::TokenId> targets;                 // all of them, in order
  std::vector<pipeline::IngestPosition> positions;  // behind each step
  std::vector<std::size_t> targets_until;           // each of these positions
  pipeline::Accounting accounting;
};

constexpr pipeline::PackerShape shape{16, 2, 3, std::numeric_limits<std::uint64_t>::max()};

sched::task<void> collect(pipeline::BatchChannel& channel, Batches& batches) {
  for (;;) {
    const std::optional<MicroBatch> batch = co_await channel.receive();
    if (!batch) co_return;
    std::size_t left = batch->targets_count;
    for (std::size_t row = 0; row < batch->rows_count; ++row) {
      for (std::size_t t = 0; t < batch->seq_len && left > 0; ++t, --left)
        batches.targets.push_back(batch->ids[row * (batch->seq_len + 1) + t + 1]);
    }
    BOOST_REQUIRE((batch->position != nullptr) == (batch->index == 0));
    if (batch->position) batches.positions.push_back(*batch->position);
    if (batch->index + 1 == batch->step_batches_count) batches.targets_until.push_back(batches.targets.size());
  }
}

sched::task<void> ingest_all(io::Files& files, const Settings& settings, pipeline::Material& material,
                             std::string index_path, pipeline::Selection::Side side, pipeline::IngestPosition start,
                             Batches& batches) {
  const io::BlockShare blocks{0, files.blocks_count()};
  pipeline::Console console(files, true);
  co_await pipeline::prepare(files, blocks, settings.data, material, console, std::move(index_path));
  pipeline::FeedOptions feed = pipeline::feed_options(settings.data, material, side);
  feed.documents.held_bytes_max = 2000;
  feed.epochs_max = settings.epochs;
  pipeline::Ingest ingest{files, material.datasets,  *material.tokenizer, feed, shape, blocks,
                          false, batches.accounting, std::move(start)};
  pipeline::BatchChannel channel(4);
  sched::Scope scope(files.executor());
  co_await scope.open();
  scope.spawn(files.executor(), pipeline::load_batches(ingest, channel));
  scope.spawn(files.executor(), collect(channel, batches));
  co_await scope.join();
}

Batches ingest(const Settings& settings, pipeline::IngestPosition start = {},
               pipeline::Selection::Side side = pipeline::Selection::Side::training) {
  tests::TemporaryFolder folder;
  io::FilesOptions options;
  options.blocks_count = settings.blocks_count;
  options.block_bytes = settings.block_bytes;
  tests::DelayedFiles files(io::make_files(options), settings.files_seed);
  pipeline::Material material = pipeline::find_material(settings.data, settings.val_fraction);
  Batches batches;
  batches.accounting =
      pipeline::Accounting(pipeline::Accounting::Rules{settings.data.strict, settings.data.max_skipped_fraction});
  files_help::finish(files, ingest_all(files, settings, material, (folder.path() / "index").string(), side,
                                       std::move(start), batches));
  return batches;
}

std::vector<std::string> documents_of(const std::vector<io::TokenId>& targets) {
  std::vector<std::string> documents;
  std::string document;
  for (const io::TokenId id : targets) {
    if (id == 256) {
      documents.push_back(std::exchange(document, {}));
    } else {
      document += static_cast<char>(id);
    }
  }
  BOOST_TEST(document.empty());
  return documents;
}

std::vector<std::string> sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

Settings settings_for(const tests::CorpusFolder& corpus, Shuffle shuffle) {
  Settings settings;
  settings.data.paths = {corpus.path()};
  settings.data.tokenizer = "bytes";
  settings.data.shuffle = shuffle;
  settings.data.seed = 11;
  return settings;
}

/// A corpus that can be read in that order, 3 to 8 kB per file.
void fill(tests::CorpusFolder& corpus, Shuffle shuffle) {
  if (shuffle != Shuffle::global) {
    corpus.add_everything(4000);
    return;
  }
  corpus.add_text("a.txt", tests::text_of(corpus.random(), 4000));
  corpus.add_records("b.jsonl", corpus.make_texts(60, 4000));
  for (int i = 0; i < 12; ++i) corpus.add_text("c" + std::to_string(10 + i), tests::text_of(corpus.random(), 100));
  corpus.add_records("d.jsonl", corpus.make_texts(30, 500));
  corpus.add_records("e.jsonl", {});
  corpus.add_text("f.txt", "");
}

/// Takes its time with each piece, and knows how many are under way.
class SlowTokenizer final : public io::Tokenizer {
 public:
  std::size_t vocabulary_size() const noexcept override { return bytes_->vocabulary_size(); }
  io::TokenId end_of_text() const noexcept override { return bytes_->end_of_text(); }
  std::string_view bytes_of(io::TokenId id) const override { return bytes_->bytes_of(id); }
  std::string to_json() const override { return bytes_->to_json(); }
  std::string description() const override { return "slow"; }
  std::unique_ptr<io::Encoder> encoder() const override {
    return std::make_unique<SlowEncoder>(bytes_->encoder(), under_way_);
  }
  int under_way() const noexcept { return under_way_; }

 private:
  class SlowEncoder final : public io::Encoder {
   public:
    SlowEncoder(std::unique_ptr<io::Encoder> bytes, std::atomic<int>& under_way)
        : bytes_(std::move(bytes)), under_way_(under_way) {}
    void encode(std::string_view piece, std::vector<io::TokenId>& ids) override {
      ++under_way_;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      bytes_->encode(piece, ids);
      --under_way_;
    }
    void finish(std::vector<io::TokenId>& ids) override { bytes_->finish(ids); }

   private:
    std::unique_ptr<io::Encoder> bytes_;
    std::atomic<int>& under_way_;
  };

  std::shared_ptr<const io::Tokenizer> bytes_ = io::load_tokenizer("bytes");
  mutable std::atomic<int> under_way_{0};
};

/// Notes how many pieces are under way when it goes.
struct UnderWayAtEnd {
  const SlowTokenizer& tokenizer;
  int& count;
  ~UnderWayAtEnd() { count = tokenizer.under_way(); }
};

sched::task<void> load_watched(pipeline::Ingest ingest, pipeline::BatchChannel& channel, const SlowTokenizer& tokenizer,
                               int& under_way_at_end) {
  const UnderWayAtEnd at_end{tokenizer, under_way_at_end};
  co_await pipeline::load_batches(ingest, channel);
}

sched::task<void> fail_while_helpers_work(io::Files& files, const SlowTokenizer& tokenizer) {
  while (tokenizer.under_way() == 0) co_await asio::post(files.executor(), asio::use_awaitable);
  throw std::runtime_error("enough");
}

sched::task<void> load_and_fail(pipeline::Ingest ingest, const SlowTokenizer& tokenizer, int& under_way_at_end) {
  pipeline::BatchChannel channel(4);
  sched::Scope scope(ingest.files.executor());
  co_await scope.open();
  scope.spawn(ingest.files.executor(), load_watched(ingest, channel, tokenizer, under_way_at_end));
  scope.spawn(ingest.files.executor(), fail_while_helpers_work(ingest.files, tokenizer));
  co_await scope.join();
}

const std::vector<Shuffle> orders = {Shuffle::none, Shuffle::window, Shuffle::global};

}  // namespace

namespace pipeline {
std::ostream& operator<<(std::ostream& out, Shuffle shuffle) {
  return out << shuffle_name(shuffle);
}
}  // namespace pipeline

BOOST_AUTO_TEST_SUITE(ingest_)

BOOST_DATA_TEST_CASE(in_an_epoch_every_document_comes_once, data::make(orders), shuffle) {
  tests::CorpusFolder corpus(1);
  fill(corpus, shuffle);
  Settings settings = settings_for(corpus, shuffle);
  settings.epochs = 2;
  const std::vector<std::string> documents = documents_of(ingest(settings).targets);
  const auto middle = documents.begin() + static_cast<std::ptrdiff_t>(documents.size() / 2);
  const std::vector<std::string> first(documents.begin(), middle), second(middle, documents.end());
  BOOST_TEST(sorted(first) == sorted(corpus.texts()), boost::test_tools::per_element());
  BOOST_TEST(sorted(second) == sorted(corpus.texts()), boost::test_tools::per_element());
  BOOST_TEST((first == corpus.texts()) == (shuffle == Shuffle::none));
  BOOST_TEST((first == second) == (shuffle == Shuffle::none));
}

BOOST_DATA_TEST_CASE(the_order_does_not_depend_on_completions_and_blocks, data::make(orders), shuffle) {
  tests::CorpusFolder corpus(2);
  fill(corpus, shuffle);
  Settings settings = settings_for(corpus, shuffle);
  const Batches once = ingest(settings);
  settings.files_seed = 9;
  settings.blocks_count = 4;
  settings.block_bytes = 32768;
  const Batches again = ingest(settings);
  BOOST_TEST((again.targets == once.targets));
}

BOOST_DATA_TEST_CASE(a_saved_position_goes_on_with_the_very_next_token, data::make(orders), shuffle) {
  tests::CorpusFolder corpus(3);
  fill(corpus, shuffle);
  Settings settings = settings_for(corpus, shuffle);
  settings.epochs = 2;
  const Batches whole = ingest(settings);
  BOOST_REQUIRE_GT(whole.positions.size(), 300u);
  for (std::size_t step = 0; step < whole.positions.size(); step += 1 + step % 23) {
    const std::string saved = to_json(whole.positions[step]);
    BOOST_TEST(saved.size() < 1000u);
    settings.files_seed = static_cast<unsigned>(step);
    const Batches rest = ingest(settings, pipeline::position_from_json(saved));
    const std::vector<io::TokenId> expected(
        whole.targets.begin() + static_cast<std::ptrdiff_t>(whole.targets_until[step]), whole.targets.end());
    BOOST_TEST_CONTEXT("step " << step << " at " << saved) {
      BOOST_TEST((rest.targets == expected));
      if (!rest.positions.empty()) BOOST_TEST((rest.positions.back() == whole.positions.back()));
    }
  }
}

BOOST_AUTO_TEST_CASE(where_loading_is_stopped_no_helper_is_left_at_work) {
  tests::CorpusFolder corpus(1);
  fill(corpus, Shuffle::none);
  const Settings settings = settings_for(corpus, Shuffle::none);
  const auto tokenizer = std::make_shared<SlowTokenizer>();
  pipeline::Material material =
      pipeline::make_material(settings.data, 0, pipeline::find_datasets(settings.data), tokenizer);
  const std::unique_ptr<io::Files> files = io::make_files({});
  sched::Cores cores(
      {sched::allowed_cores().front()}, [] {}, false);
  pipeline::Accounting accounting{pipeline::Accounting::Rules{}};
  pipeline::FeedOptions feed = pipeline::feed_options(settings.data, material, pipeline::Selection::Side::training);
  pipeline::Ingest ingest{*files, material.datasets, *tokenizer, feed,  shape, {0, files->blocks_count()},
                          false,  accounting,        {},         &cores};
  int under_way_at_end = -1;
  BOOST_CHECK_THROW(files_help::finish(*files, load_and_fail(ingest, *tokenizer, under_way_at_end)),
                    std::runtime_error);
  BOOST_TEST(under_way_at_end == 0);
}

BOOST_AUTO_TEST_CASE(a_mixture_has_its_proportions_in_any_stretch) {
  tests::CorpusFolder news(4), code(5), rest(6);
  std::vector<std::string> texts[3];
  for (int i = 0; i < 3000; ++i) {
    texts[0].push_back("n");
    texts[1].push_back("c");
    texts[2].push_back("r");
  }
  news.add_records("a.jsonl", texts[0]);
  code.add_records("a.jsonl.gz", texts[1]);
  rest.add_records("a.jsonl", texts[2]);
  Settings settings;
  settings.data.tokenizer = "bytes";
  settings.data.mixes = {"a=6:" + news.path(), "b=3:" + code.path(), "c=1:" + rest.path()};
  settings.epochs = 1;
  const Batches whole = ingest(settings);
  const std::vector<std::string> documents = documents_of(whole.targets);
  BOOST_TEST(documents.size() >= 5000u);  // it ends when the news do
  std::map<std::string, int> counts;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    ++counts[documents[i]];
    const double n = static_cast<double>(i + 1);
    BOOST_REQUIRE_LE(std::abs(counts["n"] - 0.6 * n), 1.01);
    BOOST_REQUIRE_LE(std::abs(counts["c"] - 0.3 * n), 1.01);
    BOOST_REQUIRE_LE(std::abs(counts["r"] - 0.1 * n), 1.01);
  }
  BOOST_REQUIRE_EQUAL(whole.accounting.corpora().size(), 3u);
  BOOST_TEST(whole.accounting.corpora()[0].documents == 3000u);
  BOOST_TEST(whole.accounting.epochs()[0] == 1u);
  BOOST_TEST(whole.accounting.epochs()[1] == 0u);
  const std::size_t step = whole.positions.size() / 2;
  const Batches resumed = ingest(settings, whole.positions[step]);
  BOOST_TEST((resumed.targets ==
              std::vector<io::TokenId>(whole.targets.begin() + whole.targets_until[step], whole.targets.end())));
}

BOOST_DATA_TEST_CASE(held_out_records_are_not_trained_on, data::make(orders), shuffle) {
  tests::CorpusFolder corpus(7);
  fill(corpus, shuffle);
  Settings settings = settings_for(corpus, shuffle);
  settings.val_fraction = 0.2;
  auto training = documents_of(ingest(settings).targets);
  auto held_out = documents_of(ingest(settings, {}, pipeline::Selection::Side::validation).targets);
  BOOST_TEST(training.size() > 3 * held_out.size() / 2);
  BOOST_TEST(held_out.size() > 5u);
  training.insert(training.end(), held_out.begin(), held_out.end());
  BOOST_TEST(sorted(training) == sorted(corpus.texts()), boost::test_tools::per_element());
  settings.data.seed = 12;
  BOOST_TEST(
      sorted(documents_of(ingest(settings, {}, pipeline::Selection::Side::validation).targets)) == sorted(held_out),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(where_one_side_would_be_empty_all_is_trained_on) {
  tests::CorpusFolder corpus(8);
  corpus.add_records("a.jsonl", {"one", "two", "three"});
  for (const double fraction : {0.0, 1.0}) {
    Settings settings = settings_for(corpus, Shuffle::none);
    settings.val_fraction = fraction;
    BOOST_TEST(documents_of(ingest(settings).targets).size() == 3u);
  }
}

BOOST_AUTO_TEST_CASE(too_much_damage_ends_the_run_and_a_little_does_not) {
  tests::CorpusFolder corpus(9);
  std::string lines;
  for (int i = 0; i < 6000; ++i) lines += i % 30 == 0 ? "{\"text\": broken\n" : "{\"text\": \"fine\"}\n";
  corpus.add_file("a.jsonl", lines);
  Settings settings = settings_for(corpus, Shuffle::global);
  BOOST_CHECK_EXCEPTION(ingest(settings), pipeline::DamageError, [](const pipeline::DamageError& error) {
    return std::string(error.what()).find("--max-skipped-fraction") != std::string::npos;
  });
  settings.data.max_skipped_fraction = 0.04;
  const Batches batches = ingest(settings);
  BOOST_TEST(batches.accounting.all().documents == 5800u);
  BOOST_TEST(batches.accounting.skips().size() == 200u);
}

BOOST_AUTO_TEST_CASE(damage_is_entered_once_however_often_it_is_met) {
  tests::CorpusFolder corpus(9);
  corpus.add_records("a.jsonl", corpus.make_texts(50, 300));
  corpus.add_file("b.jsonl", "{\"text\": 7}\n[]\n");
  corpus.add_file("c.txt", "\xff");
  corpus.add_file("d.bmp", std::string("BM\0\0", 4));
  Settings settings = settings_for(corpus, Shuffle::window);
  settings.epochs = 3;
  const Batches batches = ingest(settings);
  BOOST_TEST(batches.accounting.skips().size() == 3u);
  BOOST_TEST(batches.accounting.binaries_count() == 1u);
  BOOST_TEST(batches.accounting.all().documents == 150u);
  settings.data.strict = true;
  BOOST_CHECK_THROW(ingest(settings), pipeline::DamageError);
}

BOOST_AUTO_TEST_SUITE_END()
