// The laws of the design, held against real runs on real executors: hooks look in and delay, nothing is replaced.

#include <xxhash.h>

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/train.hpp"
#include "sched/topology.hpp"
#include "tests/compute/scalar_trainer.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using pipeline::Gradient;
using pipeline::GradientMemory;
using pipeline::MicroBatch;
using pipeline::Run;
using pipeline::RunHooks;
using pipeline::TrainResult;
using pipeline::TrainSettings;

/// A few small documents of made-up bytes.
std::string write_corpus(const fs::path& folder) {
  fs::create_directories(folder);
  std::mt19937 random(3);
  for (int number = 0; number < 7; ++number) {
    std::ofstream file(folder / (std::to_string(number) + ".txt"));
    for (int i = 0; i < 900; ++i) file << static_cast<char>('a' + random() % 20);
  }
  return folder.string();
}

struct LawsFixture {
  tests::TemporaryFolder folder;
  std::string corpus = write_corpus(folder.path() / "corpus");
  int runs = 0;

  TrainSettings settings(std::size_t cores) {
    TrainSettings settings;
    settings.paths = {corpus};
    settings.out = (folder.path() / ("run" + std::to_string(runs++))).string();
    settings.quiet = true;
    settings.tokenizer = "bytes";
    settings.model = "seed";
    settings.seq_len = 16;
    settings.steps = 4;
    settings.val_fraction = 0;
    settings.learning_rate = 0.01;
    // On a machine with fewer cores the second executor shares one: what is tested does not depend on speed.
    settings.cores = std::to_string(std::min<std::size_t>(cores, sched::allowed_cores().size()));
    return settings;
  }

  std::string digest(std::size_t cores, RunHooks hooks = {}) {
    return pipeline::train(settings(cores), std::move(hooks)).digest;
  }
};

/// The digest of the weights that the scalar trainer reaches from the same start with the same micro-batches.
std::string reproduce(const TrainSettings& settings,
                      std::map<std::uint64_t, std::map<std::size_t, MicroBatch>>& steps) {
  const compute::Gpt2Shape shape{2, 4, 64, 257, settings.seq_len};  // the preset "seed"
  std::vector<float> weights(compute::gpt2_floats(shape));
  compute::gpt2_initialize(weights, shape, settings.seed);
  tests::ScalarTrainer trainer = tests::make_scalar_trainer(shape, weights);
  for (auto& [step, batches] : steps) {
    std::vector<compute::TokenRows> rows;
    for (const auto& [index, batch] : batches)
      rows.push_back({batch.ids.data(), batch.rows_count, batch.seq_len, batch.targets_count});
    compute::AdamWStep adamw{};
    adamw.learning_rate = settings.learning_rate;  // the schedule is constant, without warm-up
    adamw.weight_decay = settings.weight_decay;
    adamw.step = step;
    tests::scalar_step(trainer, rows, adamw, settings.grad_clip);
  }
  return pipeline::digest(compute::gpt2_tensors(shape), trainer.weights);
}

XXH64_hash_t hash_of(std::span<const float> values) {
  return XXH3_64bits(values.data(), values.size_bytes());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(laws, LawsFixture)

// Law 1.
BOOST_AUTO_TEST_CASE(workers_delayed_at_random_give_the_same_bits) {
  const std::string undisturbed = digest(1);
  for (unsigned seed = 0; seed < 6; ++seed) {
    TrainSettings wanted = settings(2);
    wanted.gradient_memory = seed % 2 == 0 ? GradientMemory::fast : GradientMemory::lean;
    RunHooks hooks;
    std::mutex mutex;
    std::mt19937 random(seed);
    hooks.after_compute = [&](const Run&, sched::CoreIndex, const MicroBatch&, const Gradient&) {
      unsigned turns = 0;
      {
        const std::lock_guard lock(mutex);
        turns = random() % 3 == 0 ? random() % 20000 : 0;
      }
      for (unsigned i = 0; i < turns; ++i) std::this_thread::yield();
    };
    BOOST_TEST(pipeline::train(wanted, hooks).digest == undisturbed);
  }
}

// Law 1: the tree over 144 micro-batches knows neither how workers are arranged nor how much memory it was given.
BOOST_AUTO_TEST_CASE(spheres_of_any_arrangement_give_the_same_bits_while_workers_are_delayed) {
  std::set<std::string> digests;
  unsigned seed = 0;
  for (const GradientMemory memory : {GradientMemory::lean, GradientMemory::fast})
    for (const std::size_t cores : {1u, 2u}) {
      for (const auto& [workers, levels, accumulate] :
           {std::array<std::size_t, 3>{144, 0, 1}, {12, 0, 12}, {0, 2, 1}}) {
        TrainSettings wanted = settings(cores);
        wanted.seq_len = 4;
        wanted.steps = 2;
        wanted.workers = workers;
        wanted.levels = levels;
        wanted.accumulate = accumulate;
        wanted.gradient_memory = memory;
        RunHooks hooks;
        std::atomic<unsigned> random{++seed};
        hooks.after_compute = [&](const Run&, sched::CoreIndex, const MicroBatch&, const Gradient&) {
          const unsigned drawn = std::minstd_rand(random.fetch_add(7919))();
          for (unsigned i = drawn % 5 == 0 ? drawn % 2000 : 0; i > 0; --i) std::this_thread::yield();
        };
        digests.insert(pipeline::train(wanted, hooks).digest);
      }
    }
  BOOST_TEST(digests.size() == 1u);
}

// Law 1: one loop per operation with std::fma, no vectors, no coroutines, no buffers shared.
BOOST_AUTO_TEST_CASE(a_plain_scalar_trainer_reproduces_the_digest) {
  std::mutex mutex;
  std::map<std::uint64_t, std::map<std::size_t, MicroBatch>> steps;
  RunHooks hooks;
  hooks.before_compute = [&](const Run&, sched::CoreIndex, const MicroBatch& batch, const Gradient&) {
    const std::lock_guard lock(mutex);
    steps[batch.step].emplace(batch.index, batch);
  };
  TrainSettings wanted = settings(2);
  wanted.steps = 0;
  wanted.tokens = 16 * 2 * 14 * 2 + 100;  // two full steps and a partial one
  wanted.workers = 14;                    // a block of twelve and a rest
  wanted.micro_batch = 2;
  wanted.grad_clip = 0.7;
  wanted.schedule = compute::ScheduleKind::constant;
  wanted.warmup = 0;
  const TrainResult result = pipeline::train(wanted, hooks);
  BOOST_REQUIRE_EQUAL(steps.size(), 3u);
  BOOST_TEST(steps[3].size() == 4u);
  BOOST_TEST(reproduce(result.settings, steps) == result.digest);
}

// Law 1, and the use of the cores: the first micro-batch of a core ends only when all others of the step have begun.
BOOST_AUTO_TEST_CASE(no_core_stands_idle_while_an_index_is_free) {
  TrainSettings wanted = settings(2);
  if (wanted.cores != "2") return;  // a single core cannot leave another idle
  wanted.steps = 1;
  wanted.workers = 12;
  RunHooks hooks;
  std::atomic<std::size_t> begun{0};
  std::atomic<bool> all_began{false};
  hooks.before_compute = [&](const Run& run, sched::CoreIndex, const MicroBatch& batch, const Gradient&) {
    ++begun;
    if (batch.index != 0) return;
    // As many as the gradient buffers allow while the first leaf is missing: with 12 leaves that is all of them.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (begun.load() < run.sum.leaves_count() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    all_began = begun.load() == run.sum.leaves_count();
  };
  pipeline::train(wanted, hooks);
  BOOST_TEST(all_began.load());
}

// Law 2.
BOOST_AUTO_TEST_CASE(weights_are_read_only_while_workers_compute) {
  std::mutex mutex;
  std::map<std::uint64_t, std::set<XXH64_hash_t>> weights_seen;
  bool all_packed = true;
  const auto look = [&](const Run& run, sched::CoreIndex, const MicroBatch& batch, const Gradient&) {
    const XXH64_hash_t hash = hash_of(run.model.weights.span());
    // The packed weights are those of this step, and as little written.
    pipeline::FloatArena packed(run.model.packed.span().size());
    compute::gpt2_pack(packed.span(), run.model.shape, run.model.weights.span(), 0, run.model.weights.span().size());
    const bool packed_anew = hash_of(packed.span()) == hash_of(run.model.packed.span());
    const std::lock_guard lock(mutex);
    weights_seen[batch.step].insert(hash);
    all_packed = all_packed && packed_anew && !packed.span().empty();
  };
  RunHooks hooks;
  hooks.before_compute = look;
  hooks.after_compute = look;
  pipeline::train(settings(2), hooks);
  BOOST_REQUIRE_EQUAL(weights_seen.size(), 4u);
  std::set<XXH64_hash_t> different;
  for (const auto& [step, seen] : weights_seen) {
    BOOST_TEST(seen.size() == 1u, "the weights changed within step " << step);
    different.insert(seen.begin(), seen.end());
  }
  BOOST_TEST(different.size() == 4u);
  BOOST_TEST(all_packed);
}

// Law 3.
BOOST_AUTO_TEST_CASE(a_worker_writes_only_its_own_gradient) {
  std::map<const Gradient*, XXH64_hash_t> others;
  std::size_t compared = 0;
  RunHooks hooks;
  hooks.before_compute = [&](const Run&, sched::CoreIndex, const MicroBatch&, const Gradient& own) {
    others[&own];
    for (auto& [gradient, hash] : others) hash = hash_of(gradient->values);
  };
  hooks.after_compute = [&](const Run&, sched::CoreIndex, const MicroBatch&, const Gradient& own) {
    for (const auto& [gradient, hash] : others) {
      if (gradient == &own) continue;
      BOOST_TEST(hash_of(gradient->values) == hash);
      ++compared;
    }
  };
  pipeline::train(settings(1), hooks);  // on one core nobody else writes meanwhile
  BOOST_TEST(compared > 50u);
}

// Law 7: one buffer for each worker of the spheres that may be under way, where memory is not short.
BOOST_AUTO_TEST_CASE(fast_gradient_memory_is_a_buffer_per_worker_of_a_sphere) {
  for (const std::size_t workers : {1u, 12u, 144u}) {
    TrainSettings wanted = settings(2);
    wanted.workers = workers;
    wanted.steps = 2;
    wanted.gradient_memory = GradientMemory::fast;
    const TrainResult result = pipeline::train(wanted);
    BOOST_TEST(result.gradients_count == (workers == 144 ? 22 + result.cores_count : workers));
    BOOST_TEST(result.gradients_count_max >= std::min<std::size_t>(workers, 12));
    BOOST_TEST(result.gradients_count_max <= result.gradients_count);
  }
}

// Law 7: as few gradient buffers as the sum tree needs, however many micro-batches a step has.
BOOST_AUTO_TEST_CASE(gradient_buffers_are_cores_and_depth_and_one) {
  for (const std::size_t workers : {1u, 12u, 144u}) {
    TrainSettings wanted = settings(2);
    wanted.workers = workers;
    wanted.steps = 2;
    wanted.gradient_memory = GradientMemory::lean;
    const TrainResult result = pipeline::train(wanted);
    const std::size_t depth = sched::SumTree(workers).depth();
    BOOST_TEST(result.gradients_count == result.cores_count + depth + 1);
    BOOST_TEST(result.gradients_count_max <= result.gradients_count);
    // A step ahead, or several of few tokens.
    const std::size_t batches_of_few = 4096 * wanted.steps * workers / result.totals.progress.targets_count;
    BOOST_TEST(result.batches_meter.capacity <= std::max<std::size_t>(workers, batches_of_few) + result.cores_count);
    BOOST_TEST(result.batches_waiting_max <= result.batches_meter.capacity);
  }
}

// A worker that fails stops the run, and its failure is what the caller sees.
BOOST_AUTO_TEST_CASE(a_failing_worker_ends_the_run_with_its_failure) {
  for (const std::uint64_t step : {1u, 3u}) {
    RunHooks hooks;
    hooks.before_compute = [&](const Run&, sched::CoreIndex, const MicroBatch& batch, const Gradient&) {
      if (batch.step == step && batch.index == 5) throw std::runtime_error("the cause");
    };
    BOOST_CHECK_EXCEPTION(pipeline::train(settings(2), hooks), std::runtime_error,
                          [](const std::runtime_error& error) { return std::string(error.what()) == "the cause"; });
  }
}

BOOST_AUTO_TEST_SUITE_END()
