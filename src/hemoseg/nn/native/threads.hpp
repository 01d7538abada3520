// The threads of torch, and memory that each of them keeps.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

// Runs body(thread) for each thread by `GOMP_parallel` of the OpenMP that torch has loaded: the same threads as
// torch's, so that neither pool spins while the other works. Without it, the caller does all the work.
struct Threads {
  using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
  Parallel parallel;
  int64_t count;

  template <class Body>
  void run(const Body& body) const {
    struct Shared {
      const Body& body;
      int64_t count;
      std::atomic<int64_t> next{0};
      std::atomic<bool> no_memory{false};
    } shared{body, count};
    auto work = [](void* data) {
      auto& all = *static_cast<Shared*>(data);
      try {
        for (int64_t t; (t = all.next++) < all.count;) all.body(t);
      } catch (const std::bad_alloc&) {
        all.no_memory = true;  // an exception may not leave a thread
      }
    };
    if (parallel && count > 1)
      parallel(work, &shared, unsigned(count), 0);
    else
      work(&shared);
    if (shared.no_memory) throw std::bad_alloc();
  }
};

// Memory that a thread keeps between calls: fresh pages for every call would cost more than the copies.
template <class T>
class Buffer {
 public:
  T* get(size_t numbers) {
    if (numbers > size_) {
      std::free(data_);
      data_ = static_cast<T*>(std::aligned_alloc(64, (numbers * sizeof(T) + 4095) / 4096 * 4096));
      size_ = data_ ? numbers : 0;
      if (!data_) throw std::bad_alloc();
      std::fill(data_, data_ + numbers, T(0));  // nothing read beyond an end is ever a NaN
    }
    return data_;
  }
  ~Buffer() { std::free(data_); }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace
