// A disk that fails, or a process that is killed, at any operation of a checkpoint's writing: the last whole one is
// found.

#include "pipeline/checkpoint_writer.hpp"

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "io/tokenizer.hpp"
#include "pipeline/accounting_json.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/resume.hpp"
#include "pipeline/run_on.hpp"
#include "sched/scope.hpp"
#include "sched/topology.hpp"
#include "tests/io/failing_files.hpp"
#include "tests/pipeline/power_cut_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

namespace data = boost::unit_test::data;
namespace fs = std::filesystem;
using pipeline::CheckpointState;
using pipeline::CheckpointWriter;

constexpr compute::Gpt2Shape shape{1, 1, 8, 257, 8};
constexpr unsigned never = std::numeric_limits<unsigned>::max();

pipeline::Model make_model() {
  const std::size_t floats = compute::gpt2_floats(shape);
  pipeline::Model model{shape, compute::gpt2_tensors(shape), pipeline::FloatArena(floats), pipeline::FloatArena(floats),
                        pipeline::FloatArena(floats)};
  return model;
}

CheckpointState state_at(std::uint64_t step, std::optional<double> loss = {}) {
  CheckpointState state;
  state.progress.steps = step;
  state.accounting = to_json(pipeline::Accounting{}, {});
  if (loss) state.validation = pipeline::Validation{step, {*loss, 1, 1}, 1};
  return state;
}

/// Numbers that tell the step they are of.
void fill(pipeline::Model& model, std::uint64_t step) {
  std::mt19937 random(static_cast<unsigned>(step));
  for (pipeline::FloatArena* const arena : {&model.weights, &model.moment1, &model.moment2})
    for (float& number : arena->span()) number = static_cast<float>(random() % 1000);
}

bool holds_step(const pipeline::Model& model, std::uint64_t step) {
  pipeline::Model expected = make_model();
  fill(expected, step);
  const auto same = [&](const pipeline::FloatArena& found, const pipeline::FloatArena& wanted) {
    return std::ranges::all_of(model.tensors, [&](const compute::Tensor& tensor) {
      return std::ranges::equal(found.span().subspan(tensor.offset, tensor.count),
                                wanted.span().subspan(tensor.offset, tensor.count));
    });
  };
  return same(model.weights, expected.weights) && same(model.moment1, expected.moment1) &&
         same(model.moment2, expected.moment2);
}

/// Saves steps 1 to `steps` while "training" goes on: the model is changed as soon as it has been copied.
struct Saving {
  pipeline::Run& run;
  CheckpointWriter& writer;
  std::vector<double> losses;  // of each step; or none
  std::uint64_t steps;
  bool wait = false;
  std::vector<std::string> failures;
};

sched::task<void> save_all(Saving& saving) {
  for (std::uint64_t step = 1; step <= saving.steps; ++step) {
    fill(saving.run.model, step);
    std::optional<double> loss;
    if (!saving.losses.empty()) loss = saving.losses[step - 1];
    CheckpointState state = state_at(step, loss);
    co_await saving.writer.save(saving.run, std::move(state));
    fill(saving.run.model, 1000 + step);
  }
  co_await saving.writer.settle();
  for (std::string& failure : saving.writer.take_failures()) saving.failures.push_back(std::move(failure));
  co_await saving.writer.finish();
}

sched::task<void> run_both(io::Files& files, Saving& saving) {
  sched::Scope scope(files.executor());
  co_await scope.open();
  scope.spawn(files.executor(), saving.writer.run());
  scope.spawn(saving.run.cores.control(), save_all(saving));
  co_await scope.join();
}

struct RunFolder {
  tests::TemporaryFolder folder;
  std::string path = (folder.path() / "run").string();
  pipeline::TrainSettings settings;

  RunFolder() {
    fs::create_directories(path + "/checkpoints");
    std::ofstream(path + "/metrics.jsonl") << "";
    std::ofstream(path + "/skipped.jsonl") << "";
    settings.out = path;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const auto& entry : fs::directory_iterator(path + "/checkpoints")) list.push_back(entry.path().filename());
    std::sort(list.begin(), list.end());
    return list;
  }

  /// The step that a run would go on from, whose numbers are whole; 0 where there is none.
  std::uint64_t found() const {
    std::vector<pipeline::KeptCheckpoint> damaged;
    std::vector<std::string> notes;
    const auto resumed = pipeline::find_resumed(settings, damaged, notes);
    BOOST_TEST(damaged.empty());
    if (!resumed) return 0;
    const std::uint64_t step = resumed->state.progress.steps;
    BOOST_TEST(holds_step(resumed->model, step));
    return step;
  }
};

struct Outcome {
  unsigned operations = 0;
  std::vector<std::string> failures;
};

/// Saves checkpoints of `steps` steps, of which operations `first` to `last` fail; then the machine may lose its power.
Outcome save(RunFolder& folder, std::uint64_t steps, unsigned first, unsigned last, std::uint64_t keep = 9,
             std::vector<double> losses = {}, std::uint64_t shard_bytes_max = io::safetensors_shard_bytes_max,
             std::mt19937* power_cut = nullptr) {
  tests::FailingFiles failing(io::make_files({}), first, last);
  tests::PowerCutFiles files(failing);
  const std::vector<sched::CoreNumber> cores_allowed = sched::allowed_cores();
  sched::Cores cores({cores_allowed.front(), cores_allowed.back()}, [] {});
  const auto tokenizer = io::load_tokenizer("bytes");
  pipeline::Run run(cores, make_model(), 1, 1, pipeline::GradientMemory::lean, 1, {}, 0);
  const pipeline::CheckpointSource source{run.model.shape, run.model.tensors, *tokenizer, "", shard_bytes_max};
  CheckpointWriter writer(files, source, {folder.path, keep});
  Saving saving{run, writer, std::move(losses), steps, false, {}};
  pipeline::run_on(files, run_both(files, saving));
  cores.join();
  if (power_cut != nullptr) files.cut(*power_cut);
  return {failing.operations_count(), saving.failures};
}

unsigned operations_of(std::uint64_t steps, std::uint64_t keep = 9,
                       std::uint64_t shard_bytes_max = io::safetensors_shard_bytes_max) {
  RunFolder folder;
  return save(folder, steps, never, never, keep, {}, shard_bytes_max).operations;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoint)

BOOST_AUTO_TEST_CASE(what_is_written_is_what_stood_there_when_it_was_handed_over) {
  RunFolder folder;
  const Outcome outcome = save(folder, 3, never, never, 2);
  BOOST_TEST(outcome.failures.empty());
  BOOST_TEST(folder.names() == (std::vector<std::string>{"step-00000002", "step-00000003"}),
             boost::test_tools::per_element());
  BOOST_TEST(folder.found() == 3u);
}

BOOST_AUTO_TEST_CASE(an_operation_that_fails_costs_its_checkpoint_and_no_other) {
  const unsigned one = operations_of(1);
  const unsigned two = operations_of(2);
  unsigned failed = 0;
  for (unsigned operation = one; operation < two; ++operation) {
    BOOST_TEST_CONTEXT("operation " << operation - one << " of " << two - one) {
      RunFolder folder;
      const Outcome outcome = save(folder, 3, operation, operation);
      BOOST_TEST(outcome.failures.size() == 1u);
      failed += static_cast<unsigned>(outcome.failures.size());
      BOOST_TEST(outcome.failures.front().find("No space left") != std::string::npos);
      BOOST_TEST(outcome.failures.front().find("step 2") != std::string::npos);
      BOOST_TEST(folder.names() == (std::vector<std::string>{"step-00000001", "step-00000003"}),
                 boost::test_tools::per_element());
      BOOST_TEST(folder.found() == 3u);
    }
  }
  BOOST_TEST(failed > 20u);
}

BOOST_AUTO_TEST_CASE(a_writer_that_stops_at_any_operation_leaves_the_last_whole_checkpoint) {
  // With one kept, so that an old one is removed too while the new one appears.
  const unsigned one = operations_of(1, 1);
  const unsigned two = operations_of(2, 1);
  std::uint64_t found_before = 1;
  for (unsigned operation = one; operation <= two; ++operation) {
    BOOST_TEST_CONTEXT("operation " << operation - one << " of " << two - one) {
      RunFolder folder;
      save(folder, 2, operation, never, 1);
      const std::uint64_t found = folder.found();
      BOOST_TEST(found >= found_before);  // from one operation on it is the second
      found_before = found;
      pipeline::remove_abandoned(folder.path);
      for (const std::string& name : folder.names()) BOOST_TEST(name.starts_with("step-"));
      BOOST_TEST(folder.found() == found);
      // And a run that goes on writes the next.
      BOOST_TEST(save(folder, 0, never, never).failures.empty());
    }
  }
  BOOST_TEST(found_before == 2u);
}

BOOST_AUTO_TEST_CASE(a_machine_that_loses_its_power_at_any_operation_finds_the_last_whole_checkpoint) {
  constexpr std::uint64_t shard_bytes = 8000;  // so that there is an index too
  const unsigned one = operations_of(1, 1, shard_bytes);
  const unsigned two = operations_of(2, 1, shard_bytes);
  std::mt19937 random(7);
  unsigned found_second = 0;
  for (unsigned operation = one; operation <= two; ++operation) {
    for (int chance = 0; chance < 3; ++chance) {
      BOOST_TEST_CONTEXT("operation " << operation - one << " of " << two - one) {
        RunFolder folder;
        save(folder, 2, operation, never, 1, {}, shard_bytes, &random);
        const std::uint64_t found = folder.found();
        BOOST_TEST(found >= 1u);
        found_second += found == 2;
        if (operation == two) BOOST_TEST(found == 2u);
      }
    }
  }
  BOOST_TEST(found_second >= 3u);
}

BOOST_AUTO_TEST_CASE(any_byte_that_changes_is_found) {
  RunFolder folder;
  save(folder, 2, never, never);
  std::mt19937 random(5);
  const std::string newest = folder.path + "/checkpoints/step-00000002/";
  for (const std::string& name : pipeline::names_in(newest)) {
    const auto size = static_cast<unsigned>(fs::file_size(newest + name));
    for (int i = 0; i < 10 && size > 0; ++i) {
      const auto at = static_cast<std::streamoff>(random() % size);
      std::fstream file(newest + name, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      const char was = static_cast<char>(file.get());
      const auto put = [&](char byte) {
        file.seekp(at);
        file.put(byte);
        file.flush();
      };
      put(static_cast<char>(was ^ 4));
      std::vector<pipeline::KeptCheckpoint> damaged;
      std::vector<std::string> notes;
      BOOST_TEST_CONTEXT(name << " at byte " << at) {
        // Padding and names in the header of a safetensors file are not the tensors'.
        const auto resumed = pipeline::find_resumed(folder.settings, damaged, notes);
        BOOST_REQUIRE(resumed.has_value());
        BOOST_TEST(holds_step(resumed->model, resumed->state.progress.steps));
        if (!name.ends_with(".safetensors")) {
          BOOST_TEST(resumed->state.progress.steps == 1u);
          BOOST_TEST(resumed->notes.size() == 1u);
        }
      }
      put(was);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_best_is_kept_beside_the_newest) {
  RunFolder folder;
  save(folder, 6, never, never, 2, {5, 3, 4, 3.5, 3.2, 3.1});
  BOOST_TEST(folder.names() == (std::vector<std::string>{"step-00000002", "step-00000005", "step-00000006"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_large_model_lies_in_several_files) {
  RunFolder folder;
  const Outcome outcome = save(folder, 1, never, never, 9, {}, 2000);
  BOOST_TEST(outcome.failures.empty());
  BOOST_TEST(folder.found() == 1u);
  const fs::path checkpoint = folder.path + "/checkpoints/step-00000001";
  for (const char* const name : {"model.safetensors", "optimizer.safetensors"}) {
    BOOST_TEST(!fs::exists(checkpoint / name));
    BOOST_TEST(fs::exists(checkpoint / (std::string(name) + ".index.json")));
  }
  // A damaged index is as bad as a damaged tensor.
  std::ofstream(checkpoint / "optimizer.safetensors.index.json", std::ios::app) << " ";
  std::vector<pipeline::KeptCheckpoint> damaged;
  std::vector<std::string> notes;
  BOOST_TEST(!pipeline::find_resumed(folder.settings, damaged, notes).has_value());
  BOOST_TEST(damaged.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_state_comes_back_as_it_was) {
  CheckpointState state = state_at(12, 0.1);
  state.icosa_version = "1 \"2\"";
  state.arithmetic = 7;
  state.digest = "00ff";
  state.finished = true;
  state.final_loss = 1.0 / 3;
  state.length = {1, 2, 3};
  state.configuration = {{"--b", "1"}, {"--a", "x\ny"}};
  state.seed = ~std::uint64_t{0};
  state.best = state.validation;
  state.logs = {123456789012, 1};
  state.position.feed.corpora.resize(2);
  state.position.document_tokens = 5;
  state.files = {{"config.json", "0123"}};
  state.tensors = {{"model.safetensors", {{"a", "1"}, {"b", "2"}}}, {"optimizer.safetensors", {}}};
  const std::string text = to_json(state);
  BOOST_TEST(to_json(pipeline::parse_state(text, "state.json")) == text);
  state.final_loss = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(to_json(pipeline::parse_state(to_json(state), "state.json")) == to_json(state));
}

BOOST_DATA_TEST_CASE(any_text_as_a_state_is_refused_in_one_line, data::xrange(300), seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::string text = to_json(state_at(3));
  for (int changes = 1 + seed % 3; changes > 0; --changes) {
    const std::size_t at = random() % text.size();
    switch (random() % 3) {
      case 0:
        text.resize(at + 1);
        break;
      case 1:
        text[at] = static_cast<char>(random());
        break;
      default:
        text.erase(at, random() % 20);
    }
  }
  if (text == to_json(state_at(3))) return;
  try {
    pipeline::parse_state(text, "state.json");
    // What follows the checksum says nothing.
    BOOST_TEST(text.find("\n}\n") == std::string::npos);
  } catch (const pipeline::CheckpointError& error) {
    BOOST_TEST(std::string(error.what()).find('\n') == std::string::npos);
    BOOST_TEST(std::string(error.what()).starts_with("state.json: "));
  }
}

BOOST_AUTO_TEST_SUITE_END()
