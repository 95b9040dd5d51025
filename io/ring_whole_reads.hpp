#pragma once

// Files read whole through the ring, many in flight. Each is one chain of two entries, open and read, on a slot of the
// ring's own file table: no descriptor of the process, one completion for both. The next open into a slot closes the
// file that was there; the slots of the last files of an operation are emptied together when it ends. So no slot can
// be lost, whatever becomes of a chain.
//
// Where the kernel has no such table, and for the few files whose chain did not end well, open, read and close are
// requests of their own, one after the other. Owned and used by RingContext, on its thread.

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "io/file_operation.hpp"
#include "io/files.hpp"
#include "io/task_queue.hpp"
#include "io/whole_reads.hpp"

namespace io {

class Ring;

class RingWholeReads {
 public:
  /// Ids of completions that belong here.
  static constexpr OperationId first_id = OperationId{1} << 63;
  static bool owns(OperationId id) noexcept { return id >= first_id; }

  explicit RingWholeReads(Ring& ring);

  /// Takes an operation whose request is a read_whole.
  void add(std::unique_ptr<FileOperation> operation);
  /// Queues what can be in flight. False where the ring's queue is full: go on after a submission.
  bool queue_requests();
  void complete(OperationId id, int result) noexcept;
  /// After completions: hands on the operations that have ended, their files closed.
  void take_ended(TaskQueue& ready) noexcept;

  /// Ends the operation as soon as its files in flight have come back. Does nothing where it is not here.
  void cancel(OperationId id) noexcept;
  void cancel_all() noexcept;
  /// Also those that wait for a place in the queue.
  bool has_files_in_flight() const noexcept { return free_.size() != slots_count_; }
  /// Destroys the operations, their handlers uncalled. Requires that no file is in flight, or that the ring's thread
  /// has ended.
  void clear() noexcept;

 private:
  // What a file is at: both calls in one chain, or one call after the other.
  enum class Step : std::uint8_t { chain, open, read, close };

  struct Slot {
    FileOperation* operation = nullptr;
    WholeRead* read = nullptr;
    OpenFile file;           // of single calls
    std::uint32_t turn = 0;  // of its latest request: completions of earlier ones find nothing
    Step step = Step::chain;
    bool busy = false;
    bool in_flight = false;    // with the kernel, rather than waiting for a place in the queue
    bool ask_back = false;     // the kernel is to be asked to end the request
    bool holds_file = false;   // in the kernel's table, perhaps
    unsigned tries_count = 0;  // of single calls
  };

  // Two entries each leave a quarter of the submission queue to others. More in flight gained nothing, hot or cold.
  static constexpr unsigned slots_count_max = 96;

  bool begin_file() noexcept;
  bool queue(Slot& slot);
  bool queue_askings();
  void go_on(Slot& slot, Step step) noexcept;
  void opened(Slot& slot, int result) noexcept;
  void end_file(Slot& slot) noexcept;
  void ask_back_old() noexcept;
  void empty_idle_slots() noexcept;
  void drop(FileOperation& operation) noexcept;
  OperationId id_of(const Slot& slot) const noexcept;

  Ring& ring_;
  const bool direct_;
  const unsigned slots_count_;
  std::array<Slot, slots_count_max> slots_;
  std::vector<Slot*> free_;
  std::vector<Slot*> waiting_;                             // for a place in the queue
  std::deque<std::unique_ptr<FileOperation>> operations_;  // oldest first
  bool any_to_ask_back_ = false;
  bool any_ended_ = false;
  std::uint32_t turn_ = 0;
  std::uint32_t timer_turn_ = 0;  // the latest when the timer was set
  bool timer_set_ = false;
};

}  // namespace io
