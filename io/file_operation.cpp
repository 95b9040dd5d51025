#include "io/file_operation.hpp"

#include <atomic>

namespace io {

OperationId new_operation_id() noexcept {
  static std::atomic<OperationId> last{1024};  // Below are the ring's own.
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace io
