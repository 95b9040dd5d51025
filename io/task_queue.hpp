#pragma once

// Work that waits for its thread: type-erased, linked through itself, so that queueing allocates nothing. TaskQueue
// belongs to one thread; RemoteTasks is how other threads hand work to it.

#include <memory>
#include <type_traits>
#include <utility>

#include "sched/sent_list.hpp"

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
  friend class sched::SentList<Task>;
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
  bool push(std::unique_ptr<Task> task) noexcept { return sent_.push(*task.release()); }

  /// Appends all that was pushed, oldest first.
  void take_into(TaskQueue& queue) noexcept {
    Task* task = sent_.take();
    while (task != nullptr) queue.push(std::unique_ptr<Task>(std::exchange(task, task->next_)));
  }

 private:
  sched::SentList<Task> sent_;
};

}  // namespace io
