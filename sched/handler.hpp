#pragma once

// A completion handler of any type with its type erased, kept without allocating: what a waiting primitive stores for
// the coroutine that waits in it.

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/post.hpp>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace sched {

/// Move-only, called at most once. Empty after `complete`.
template <class... Args>
class Handler {
 public:
  Handler() noexcept = default;

  template <class Function, class = std::enable_if_t<!std::is_same_v<std::decay_t<Function>, Handler>>>
  explicit Handler(Function&& function) {
    using Stored = std::decay_t<Function>;
    static_assert(sizeof(Stored) <= sizeof(storage_) && alignof(Stored) <= alignof(std::max_align_t));
    static_assert(std::is_nothrow_move_constructible_v<Stored>);
    new (storage_) Stored(std::forward<Function>(function));
    operations_ = &operations_of<Stored>;
  }

  Handler(Handler&& other) noexcept { take(other); }
  Handler& operator=(Handler&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Handler() { reset(); }

  explicit operator bool() const noexcept { return operations_ != nullptr; }

  /// Posts the handler with `args` to its associated executor; never runs it in place. From any thread.
  void complete(Args... args) {
    const Operations* operations = std::exchange(operations_, nullptr);
    operations->complete(storage_, std::move(args)...);
  }

 private:
  struct Operations {
    void (*move)(void* from, void* to) noexcept;
    void (*complete)(void* stored, Args... args);
    void (*destroy)(void* stored) noexcept;
  };

  template <class Stored>
  static constexpr Operations operations_of = {
      [](void* from, void* to) noexcept {
        new (to) Stored(std::move(*static_cast<Stored*>(from)));
        static_cast<Stored*>(from)->~Stored();
      },
      [](void* stored, Args... args) {
        Stored handler = std::move(*static_cast<Stored*>(stored));
        static_cast<Stored*>(stored)->~Stored();
        auto executor = asio::get_associated_executor(handler);
        asio::post(executor, [handler = std::move(handler), ... args = std::move(args)]() mutable {
          // The wait is over, and what it waited in may be gone before the next one: a stop must not find it.
          asio::get_associated_cancellation_slot(handler).clear();
          std::move(handler)(std::move(args)...);
        });
      },
      [](void* stored) noexcept { static_cast<Stored*>(stored)->~Stored(); },
  };

  void take(Handler& other) noexcept {
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_ != nullptr) operations_->move(other.storage_, storage_);
  }

  void reset() noexcept {
    if (const Operations* operations = std::exchange(operations_, nullptr)) operations->destroy(storage_);
  }

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte storage_[64];
};

}  // namespace sched
