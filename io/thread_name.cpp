#include "io/thread_name.hpp"

#include <pthread.h>

namespace io {

ThreadName::ThreadName(const char* name) noexcept {
  pthread_getname_np(pthread_self(), previous_.data(), previous_.size());
  pthread_setname_np(pthread_self(), name);
}

ThreadName::~ThreadName() {
  pthread_setname_np(pthread_self(), previous_.data());
}

}  // namespace io
