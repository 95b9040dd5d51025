// Which Files there is to be.

#include "io/files.hpp"

#include "io/error.hpp"
#include "io/ring_files.hpp"
#include "io/thread_files.hpp"

namespace io {

std::unique_ptr<Files> make_files(const FilesOptions& options) {
  return make_files(options, RingSystem{});
}

std::unique_ptr<Files> make_files(const FilesOptions& options, const RingSystem& system) {
  if (options.kind == FilesKind::threads) return std::make_unique<ThreadFiles>(options);
  try {
    return std::make_unique<RingFiles>(options, system);
  } catch (const RingRefused& refusal) {
    if (options.kind == FilesKind::automatic) return std::make_unique<ThreadFiles>(options, refusal.what());
    const std::string reason = refusal.what();
    throw FileError("--io uring", 0, refusal.error_number(),
                    "use io_uring here (" + reason + "), choose --io auto or --io threads");
  }
}

}  // namespace io
