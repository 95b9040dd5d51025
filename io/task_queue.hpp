#pragma once

// Work that waits for its thread: type-erased, linked through itself, so that queueing allocates nothing. TaskQueue
// belongs to one thread; RemoteTasks is how other threads hand work to it.

#include <atomic>
#include <memory>
#include <type_traits>
#include <utility>

namespace io {

class Task {
 public:
  Task() noexcept = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;
  /// Does the work and deletes the task, before anything that may throw or queue more.
  virtual void run() = 0;

 private:
  friend class TaskQueue;
  friend class RemoteTasks;
  Task* next_ = nullptr;
};

template <class Function>
class FunctionTask final : public Task {
 public:
  explicit FunctionTask(Function function) : function_(std::move(function)) {}
  void run() override {
    std::unique_ptr<FunctionTask> self(this);
    Function function(std::move(function_));
    self.reset();
    function();
  }

 private:
  Function function_;
};

template <class Function>
std::unique_ptr<Task> make_task(Function&& function) {
  return std::make_unique<FunctionTask<std::decay_t<Function>>>(std::forward<Function>(function));
}

/// First in, first out. Destroys what it still holds.
class TaskQueue {
 public:
  TaskQueue() noexcept = default;
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;
  ~TaskQueue() { clear(); }

  bool empty() const noexcept { return first_ == nullptr; }

  void push(std::unique_ptr<Task> task) noexcept {
    Task* const added = task.release();
    added->next_ = nullptr;
    (first_ == nullptr ? first_ : last_->next_) = added;
    last_ = added;
  }

  /// Requires !empty().
  std::unique_ptr<Task> pop() noexcept {
    std::unique_ptr<Task> task(first_);
    first_ = first_->next_;
    return task;
  }

  /// Destroys all, also what the destructors queue meanwhile.
  void clear() noexcept {
    while (!empty()) pop();
  }

 private:
  Task* first_ = nullptr;
  Task* last_ = nullptr;
};

/// Many threads push, one takes; without a lock.
class RemoteTasks {
 public:
  RemoteTasks() noexcept = default;
  RemoteTasks(const RemoteTasks&) = delete;
  RemoteTasks& operator=(const RemoteTasks&) = delete;
  ~RemoteTasks() {
    TaskQueue rest;
    take_into(rest);
  }

  /// Returns whether it was empty: then, and only then, the taker needs waking.
  bool push(std::unique_ptr<Task> task) noexcept {
    Task* const added = task.release();
    Task* newest = newest_.load(std::memory_order_relaxed);
    do {
      added->next_ = newest;
    } while (!newest_.compare_exchange_weak(newest, added, std::memory_order_release, std::memory_order_relaxed));
    return newest == nullptr;
  }

  /// Appends all that was pushed, oldest first.
  void take_into(TaskQueue& queue) noexcept {
    Task* task = newest_.exchange(nullptr, std::memory_order_acquire);
    Task* oldest_first = nullptr;
    while (task != nullptr) {
      Task* const older = std::exchange(task->next_, oldest_first);
      oldest_first = std::exchange(task, older);
    }
    while (oldest_first != nullptr) {
      Task* const newer = oldest_first->next_;
      queue.push(std::unique_ptr<Task>(oldest_first));
      oldest_first = newer;
    }
  }

 private:
  std::atomic<Task*> newest_{nullptr};
};

}  // namespace io
