// A failure at each place where a coroutine of a run may suspend, each time that it is passed, one after the other: the
// run ends in order, and what its caller sees is that failure and no other. Ctrl-C at each of them likewise.

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "io/error.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/tokenize.hpp"
#include "pipeline/train.hpp"
#include "sched/suspension.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using pipeline::TrainSettings;

class Injected : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One passing of a place where a coroutine may suspend.
struct Point {
  std::string where;
  std::uint64_t number;  // 1 is the first passing of that place
};

std::mutex places_mutex;
std::set<std::string> places;
Point wanted;
std::uint64_t passed_count = 0;  // of the place wanted

void note(const char* where) {
  const std::lock_guard lock(places_mutex);
  places.insert(where);
}

bool is_wanted(const char* where) {
  const std::lock_guard lock(places_mutex);
  return where == wanted.where && ++passed_count == wanted.number;
}

void fail_one(const char* where) {
  if (is_wanted(where)) throw Injected(std::string("injected: ") + where);
}

void interrupt_one(const char* where) {
  if (is_wanted(where)) std::raise(SIGINT);
}

/// Sets the hook for a block.
struct Hook {
  explicit Hook(sched::SuspensionHook hook, Point point = {}) {
    wanted = std::move(point);
    passed_count = 0;
    sched::suspension_hook = hook;
  }
  ~Hook() { sched::suspension_hook = nullptr; }
  /// Whether the run came by the point at all.
  bool reached() const { return passed_count >= wanted.number; }
};

std::size_t open_files() {
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++files;
  return files;
}

/// All of this process but the kernel's own (iou-wrk-N), which end when they like.
std::size_t threads() {
  std::size_t tasks = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/task")) {
    std::ifstream comm(entry.path() / "comm");
    std::string name;
    std::getline(comm, name);
    tasks += comm && !name.starts_with("iou-wrk");
  }
  return tasks;
}

/// A thread that has been joined may stand in /proc for a moment longer.
bool as_many_threads(std::size_t before) {
  for (int look = 0; look < 100'000; ++look) {
    if (threads() == before) return true;
    std::this_thread::yield();
  }
  return false;
}

struct FailuresFixture {
  FailuresFixture() {
    fs::create_directories(corpus);
    for (int number = 0; number < 3; ++number)
      std::ofstream(corpus / (std::to_string(number) + ".txt")) << std::string(300, static_cast<char>('a' + number));
    // More than a block of the reader, so that it is read in parts.
    std::ofstream(corpus / "long.txt") << std::string(600'000, 'x');
  }

  /// Small, so that each point can have its turn: two steps with all that may happen between them.
  TrainSettings settings() {
    TrainSettings settings;
    settings.paths = {corpus.string()};
    settings.quiet = true;
    settings.read_ahead_mib = 4;
    settings.tokenizer = "bytes";
    settings.model = "seed";
    settings.seq_len = 8;
    settings.workers = 3;
    settings.steps = 2;
    settings.val_fraction = 0;
    settings.gradient_memory = pipeline::GradientMemory::lean;
    return settings;
  }

  TrainSettings in_new_folder(TrainSettings settings) {
    settings.out = (folder.path() / ("run" + std::to_string(runs++))).string();
    return settings;
  }

  /// Has `visit` run with each passing of each place in turn, as long as a run comes by: how often it passes some of
  /// them, such as the reading ahead, is a matter of chance.
  ///   visit(point): returns whether the run came by.
  template <class Run, class Visit>
  void at_each_point(const Run& run, const Visit& visit) {
    places.clear();
    {
      const Hook hook(&note);
      run();
    }
    const std::size_t files_before = open_files();
    const std::size_t threads_before = threads();
    std::size_t points = 0;
    for (const std::string& where : places)
      for (std::uint64_t number = 1; visit(Point{where, number}); ++number) {
        BOOST_TEST(as_many_threads(threads_before));
        BOOST_TEST(open_files() == files_before);
        ++points;
      }
    BOOST_TEST_MESSAGE(points << " points of " << places.size() << " kinds");
  }

  template <class Run>
  void fail_at_each_point(const Run& run) {
    at_each_point(run, [&](const Point& point) {
      const Hook hook(&fail_one, point);
      try {
        run();
        BOOST_TEST(!hook.reached(), point.where << " " << point.number << " did not end the run");
      } catch (const Injected& failure) {
        BOOST_TEST(failure.what() == "injected: " + point.where);
      } catch (const std::exception& other) {
        BOOST_ERROR(point.where << " " << point.number << ": the caller sees '" << other.what() << "'");
      }
      return hook.reached();
    });
  }

  void interrupt_at_each_point(const TrainSettings& wanted) {
    pipeline::catch_interrupts();
    std::string digest;
    std::size_t interrupted = 0;
    const auto visit = [&](const Point& point) {
      TrainSettings settings = in_new_folder(wanted);
      bool reached = false;
      {
        const Hook hook(&interrupt_one, point);
        const pipeline::TrainResult result = pipeline::train(settings);
        pipeline::forget_interrupt();
        reached = hook.reached();
        interrupted += result.interrupted;
        // Ended early, with a checkpoint of what was done; or asked when there was nothing left to do.
        const std::uint64_t steps = result.totals.progress.steps;
        BOOST_TEST(result.interrupted == (steps < settings.steps));
        if (steps > 0) BOOST_TEST(fs::exists(result.checkpoint + "/state.json"));
      }
      settings.resume = true;
      if (point.number % 8 == 1) BOOST_TEST(pipeline::train(settings).digest == digest);
      return reached;
    };
    at_each_point([&] { digest = pipeline::train(in_new_folder(wanted)).digest; }, visit);
    BOOST_TEST(interrupted > 30u);
  }

  tests::TemporaryFolder folder;
  fs::path corpus = folder.path() / "corpus";
  int runs = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failures, FailuresFixture)

BOOST_AUTO_TEST_CASE(a_failure_at_any_suspension_point_ends_the_run_and_is_what_the_caller_sees) {
  TrainSettings settings = this->settings();
  settings.val_fraction = 0.3;
  settings.eval_every = 1;
  settings.eval_tokens = 16;
  settings.checkpoint_every = 1;
  fail_at_each_point([&] { pipeline::train(in_new_folder(settings)); });
  for (const char* const where : {"take a turn", "take from a pool", "receive from a channel", "send to a channel",
                                  "wait at a gate", "receive at a boundary", "open a scope", "join a scope",
                                  "let others have their turn", "operate on a file", "open a file", "close a file"})
    BOOST_TEST(places.contains(where), where << " was never passed");
}

BOOST_AUTO_TEST_CASE(so_it_does_with_fast_gradient_memory_and_files_read_by_threads) {
  TrainSettings settings = this->settings();
  settings.gradient_memory = pipeline::GradientMemory::fast;
  settings.io = io::FilesKind::threads;
  fail_at_each_point([&] { pipeline::train(in_new_folder(settings)); });
}

BOOST_AUTO_TEST_CASE(so_does_tokenizing) {
  pipeline::TokenizeSettings settings;
  settings.paths = {corpus.string()};
  settings.quiet = true;
  settings.read_ahead_mib = 4;
  settings.tokenizer = "bytes";
  settings.shard_tokens = 400'000;
  fail_at_each_point([&] {
    settings.out = (folder.path() / ("shards" + std::to_string(runs++))).string();
    pipeline::tokenize(settings);
  });
  BOOST_TEST(places.contains("wait until a block is written"));
}

BOOST_AUTO_TEST_CASE(ctrl_c_at_any_suspension_point_ends_the_run_in_order) {
  interrupt_at_each_point(settings());
}

BOOST_AUTO_TEST_SUITE_END()
