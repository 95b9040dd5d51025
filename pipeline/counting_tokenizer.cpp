#include "pipeline/counting_tokenizer.hpp"

#include <cassert>
#include <utility>

namespace pipeline {

class CountingTokenizer::CountingEncoder final : public io::Encoder {
 public:
  CountingEncoder(const CountingTokenizer& owner, std::unique_ptr<io::WordCounter> counter)
      : owner_(owner), counter_(std::move(counter)), counted_(counter_->words_total()) {}
  CountingEncoder(const CountingEncoder&) = delete;
  CountingEncoder& operator=(const CountingEncoder&) = delete;

  ~CountingEncoder() override {
    const std::lock_guard lock(owner_.mutex_);
    --owner_.busy_count_;
    owner_.idle_.push_back(std::move(counter_));  // has room: see encoder()
  }

  void encode(std::string_view piece, std::vector<io::TokenId>&) override { counter_->count(piece); }

  void finish(std::vector<io::TokenId>&) override {
    counter_->finish();
    const std::uint64_t before = std::exchange(counted_, counter_->words_total());
    owner_.words_total_.fetch_add(counted_ - before, std::memory_order_relaxed);
  }

 private:
  const CountingTokenizer& owner_;
  std::unique_ptr<io::WordCounter> counter_;
  std::uint64_t counted_;  // told to the owner
};

std::unique_ptr<io::Encoder> CountingTokenizer::encoder() const {
  std::unique_ptr<io::WordCounter> counter;
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) {
    counter = std::make_unique<io::WordCounter>(pattern_);
  } else {
    counter = std::move(idle_.back());
    idle_.pop_back();
  }
  idle_.reserve(idle_.size() + busy_count_ + 1);
  ++busy_count_;
  return std::make_unique<CountingEncoder>(*this, std::move(counter));
}

io::BpeCounts CountingTokenizer::take_counts() {
  const std::lock_guard lock(mutex_);
  assert(busy_count_ == 0);
  io::BpeCounts counts;
  for (std::unique_ptr<io::WordCounter>& counter : idle_) counts.absorb(std::move(counter->counts()));
  idle_.clear();
  return counts;
}

}  // namespace pipeline
