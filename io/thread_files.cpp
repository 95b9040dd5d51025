#include "io/thread_files.hpp"

#include <utility>

#include "io/thread_name.hpp"

namespace io {
namespace {

// As many blocking calls at a time. Four keep a disk busy while one of them waits; more would only take cores from the
// computation.
constexpr unsigned threads_count = 4;

constexpr int one_running_thread = 1;

}  // namespace

ThreadFiles::ThreadFiles(const FilesOptions& options, std::string ring_refusal)
    : RequestFiles(options),
      ring_refusal_(std::move(ring_refusal)),
      context_(one_running_thread),
      work_(context_.get_executor()),
      threads_(context_.get_executor(), threads_count) {}

void ThreadFiles::run() {
  const ThreadName name("icosa-files");
  context_.run();
  context_.restart();  // As with the ring, one stop() ends one run().
}

std::string ThreadFiles::description() const {
  if (ring_refusal_.empty()) return "threads";
  return "threads (io_uring refused: " + ring_refusal_ + ")";
}

}  // namespace io
