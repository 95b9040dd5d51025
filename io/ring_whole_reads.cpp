#include "io/ring_whole_reads.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "io/ring.hpp"

namespace io {
namespace {

// Single calls hold descriptors of the process, of which 1,024 are usual.
constexpr unsigned slots_count_without_table = 32;

// A call that is interrupted or told to come again this often says so in its result.
constexpr unsigned tries_count_max = 8;

// io_uring waits for a pipe even where the descriptor does not block. A chain that has been under way this long to
// twice as long is asked back and done again call by call, where a pipe is seen as one.
constexpr std::int64_t patience_ns = 500'000'000;

constexpr OperationId timer_id = ~OperationId{0};
constexpr OperationId asking_id = timer_id - 1;
constexpr unsigned slot_bits = 8;
constexpr unsigned slot_mask = (1U << slot_bits) - 1;

bool is_temporary(int result) noexcept {
  return result == -EINTR || result == -EAGAIN;
}

bool is_cancelled(const FileOperation& operation) noexcept {
  return whole_reads_of(operation.request()).cancelled();
}

}  // namespace

RingWholeReads::RingWholeReads(Ring& ring)
    : ring_(ring),
      direct_(ring.register_file_slots(slots_count_max)),
      slots_count_(direct_ ? slots_count_max : slots_count_without_table) {
  static_assert(slots_count_max < slot_mask);
  free_.reserve(slots_count_);
  waiting_.reserve(slots_count_);
  for (unsigned index = slots_count_; index-- > 0;) free_.push_back(&slots_[index]);
}

void RingWholeReads::add(std::unique_ptr<FileOperation> operation) {
  operations_.push_back(std::move(operation));
}

OperationId RingWholeReads::id_of(const Slot& slot) const noexcept {
  return first_id | OperationId{slot.turn} << slot_bits | static_cast<OperationId>(&slot - slots_.data());
}

bool RingWholeReads::queue_requests() {
  if (!queue_askings()) return false;
  do {
    while (!waiting_.empty()) {
      if (!queue(*waiting_.back())) return false;
      waiting_.pop_back();
    }
  } while (begin_file());
  if (!direct_ || timer_set_ || !has_files_in_flight()) return true;
  timer_turn_ = turn_;
  timer_set_ = ring_.queue_timer(patience_ns, timer_id);
  return timer_set_;
}

bool RingWholeReads::queue_askings() {
  if (!any_to_ask_back_) return true;
  for (Slot& slot : slots_) {
    if (slot.ask_back && slot.in_flight && !ring_.queue_cancellation(id_of(slot), asking_id)) return false;
    slot.ask_back = false;
  }
  any_to_ask_back_ = false;
  return true;
}

// Gives the next file a free slot and lets it wait for its place in the queue. False where there is neither.
bool RingWholeReads::begin_file() noexcept {
  if (free_.empty()) return false;
  for (const auto& operation : operations_) {
    const std::span<WholeRead> begun = whole_reads_of(operation->request()).begin(1);
    if (begun.empty()) continue;
    Slot& slot = *free_.back();
    free_.pop_back();
    slot.busy = true;
    slot.operation = operation.get();
    slot.read = begun.data();
    slot.tries_count = 0;
    if (WholeReads::is_open(*slot.read)) {
      go_on(slot, Step::read);
    } else {
      go_on(slot, direct_ ? Step::chain : Step::open);
    }
    return true;
  }
  return false;
}

void RingWholeReads::go_on(Slot& slot, Step step) noexcept {
  slot.step = step;
  slot.turn = ++turn_;
  waiting_.push_back(&slot);
}

bool RingWholeReads::queue(Slot& slot) {
  const WholeReads& reads = whole_reads_of(slot.operation->request());
  const OperationId id = id_of(slot);
  FileRequest open = WholeReads::open_request(*slot.read);
  switch (slot.step) {
    case Step::chain: {
      const auto index = static_cast<int>(&slot - slots_.data());
      slot.in_flight = ring_.queue_open_and_read(open, reads.read_request(*slot.read, index), id);
      slot.holds_file = slot.holds_file || slot.in_flight;
      break;
    }
    case Step::open:
      open.flags |= O_CLOEXEC;
      slot.in_flight = ring_.queue(open, id);
      break;
    case Step::read: {
      const int descriptor = WholeReads::is_open(*slot.read) ? slot.read->descriptor : slot.file.descriptor();
      slot.in_flight = ring_.queue(reads.read_request(*slot.read, descriptor), id);
      break;
    }
    case Step::close:
      slot.in_flight = ring_.queue(FileRequest::close(slot.file.descriptor()), id);
      break;
  }
  return slot.in_flight;
}

void RingWholeReads::complete(OperationId id, int result) noexcept {
  if (id == timer_id) return ask_back_old();
  const auto index = static_cast<unsigned>(id & slot_mask);
  if (index >= slots_count_) return;  // The answer to an asking.
  Slot& slot = slots_[index];
  if (!slot.in_flight || id_of(slot) != id) return;
  slot.in_flight = false;
  slot.ask_back = false;
  const bool goes_on = !is_cancelled(*slot.operation);
  const bool again = goes_on && is_temporary(result) && ++slot.tries_count < tries_count_max;
  switch (slot.step) {
    case Step::chain:
      // Asked back, or not for a chain to do.
      if (goes_on && (is_temporary(result) || result == -ECANCELED)) return go_on(slot, Step::open);
      slot.read->result = result;
      return end_file(slot);
    case Step::open:
      return again ? go_on(slot, Step::open) : opened(slot, result);
    case Step::read:
      if (again) return go_on(slot, Step::read);
      slot.read->result = result;
      return WholeReads::is_open(*slot.read) ? end_file(slot) : go_on(slot, Step::close);
    case Step::close:
      slot.file.release();  // Linux gives the descriptor up even where close() fails.
      return end_file(slot);
  }
}

void RingWholeReads::opened(Slot& slot, int result) noexcept {
  slot.read->result = result;
  if (result < 0) return end_file(slot);
  slot.file = OpenFile(result, {});
  const bool stream = is_stream(result);
  if (stream || is_cancelled(*slot.operation)) {
    slot.read->result = stream ? -ESPIPE : -ECANCELED;
    return go_on(slot, Step::close);
  }
  // For a file, not to block means only that older kernels answer EAGAIN instead of reading.
  ::fcntl(result, F_SETFL, O_RDONLY);
  go_on(slot, Step::read);
}

void RingWholeReads::end_file(Slot& slot) noexcept {
  WholeReads& reads = whole_reads_of(slot.operation->request());
  reads.end(1);
  any_ended_ = any_ended_ || reads.all_ended();
  slot.busy = false;
  slot.operation = nullptr;
  free_.push_back(&slot);
}

// The timer has gone off: what was in flight when it was set takes too long for a chain.
void RingWholeReads::ask_back_old() noexcept {
  timer_set_ = false;
  for (Slot& slot : slots_) {
    const bool is_old = static_cast<std::int32_t>(timer_turn_ - slot.turn) >= 0;
    if (!slot.in_flight || slot.step != Step::chain || !is_old) continue;
    slot.ask_back = true;
    any_to_ask_back_ = true;
  }
}

void RingWholeReads::take_ended(TaskQueue& ready) noexcept {
  if (!any_ended_) return;
  any_ended_ = false;
  empty_idle_slots();
  for (auto& operation : operations_) {
    const WholeReads& reads = whole_reads_of(operation->request());
    if (!reads.all_ended()) continue;
    operation->settle(reads.result());
    ready.push(std::move(operation));
  }
  std::erase(operations_, nullptr);
}

// One call for all, about the price of closing two.
void RingWholeReads::empty_idle_slots() noexcept {
  std::array<int, slots_count_max> files;
  bool any = false;
  for (unsigned index = 0; index < slots_count_; ++index) {
    Slot& slot = slots_[index];
    const bool empties = slot.holds_file && !slot.busy;
    files[index] = empties ? Ring::no_file : Ring::same_file;
    any = any || empties;
  }
  if (!any || !ring_.update_file_slots(std::span(files).first(slots_count_))) return;
  for (Slot& slot : slots_) slot.holds_file = slot.holds_file && slot.busy;
}

void RingWholeReads::cancel(OperationId id) noexcept {
  for (const auto& operation : operations_) {
    if (operation->id() == id) return drop(*operation);
  }
}

void RingWholeReads::cancel_all() noexcept {
  for (const auto& operation : operations_) drop(*operation);
}

void RingWholeReads::drop(FileOperation& operation) noexcept {
  WholeReads& reads = whole_reads_of(operation.request());
  reads.drop_rest();
  any_ended_ = any_ended_ || reads.all_ended();
  for (Slot& slot : slots_) {
    if (slot.operation != &operation || slot.step == Step::close) continue;
    slot.ask_back = true;
    any_to_ask_back_ = true;
  }
}

void RingWholeReads::clear() noexcept {
  operations_.clear();
}

}  // namespace io
