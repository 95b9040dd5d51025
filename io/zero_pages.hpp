#pragma once

// An array of zeros of which only what is written is resident.

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace io {

template <class T>
class ZeroPages {
  static_assert(std::is_trivial_v<T>);

 public:
  /// Throws std::bad_alloc.
  explicit ZeroPages(std::size_t count) : values_(map(count), Unmap{count}) {}

  /// The memory is const nowhere: what is shared is written through std::atomic_ref.
  T* data() const noexcept { return values_.get(); }

 private:
  struct Unmap {
    std::size_t count = 0;
    void operator()(T* values) const noexcept { ::munmap(values, count * sizeof(T)); }
  };

  static T* map(std::size_t count) {
    void* const memory = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }

  std::unique_ptr<T, Unmap> values_;
};

}  // namespace io
