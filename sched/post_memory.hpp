#pragma once

// The memory of a post to an io_context, as part of whoever posts: Asio then allocates nothing.

#include <asio/execution.hpp>
#include <asio/io_context.hpp>
#include <cassert>
#include <cstddef>
#include <utility>

namespace sched {

/// For one post at a time: Asio gives the memory back before it runs the handler.
class PostMemory {
 public:
  PostMemory() noexcept = default;
  PostMemory(const PostMemory&) = delete;
  PostMemory& operator=(const PostMemory&) = delete;

  /// Has `handler` run on the executor, never in place.
  template <class Handler>
  void post(const asio::io_context::executor_type& executor, Handler handler) {
    const auto posting = asio::require(executor, asio::execution::blocking.never);
    asio::execution::execute(asio::prefer(posting, asio::execution::allocator(Allocator<void>(bytes_))),
                             std::move(handler));
  }

 private:
  static constexpr std::size_t bytes_count = 56;

  template <class T>
  class Allocator {
   public:
    using value_type = T;

    explicit Allocator(std::byte* bytes) noexcept : bytes_(bytes) {}
    template <class Other>
    Allocator(const Allocator<Other>& other) noexcept : bytes_(other.bytes_) {}

    T* allocate(std::size_t count) noexcept {
      static_assert(sizeof(T) <= bytes_count && alignof(T) <= alignof(void*));
      assert(count == 1);
      return reinterpret_cast<T*>(bytes_);
    }
    void deallocate(T*, std::size_t) noexcept {}

    template <class Other>
    bool operator==(const Allocator<Other>& other) const noexcept {
      return bytes_ == other.bytes_;
    }

   private:
    template <class>
    friend class Allocator;
    std::byte* bytes_;
  };

  alignas(void*) std::byte bytes_[bytes_count];
};

}  // namespace sched
