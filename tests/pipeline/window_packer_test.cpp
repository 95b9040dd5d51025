// Every token after the first is a target exactly once, with all the context that was promised.

#include "pipeline/window_packer.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <vector>

#include "io/tokenizer.hpp"

namespace {

using pipeline::MicroBatch;
using pipeline::PackerShape;
using pipeline::WindowPacker;

const io::Tokenizer& bytes_tokenizer() {
  static const auto tokenizer = io::load_tokenizer("bytes");
  return *tokenizer;
}

std::vector<MicroBatch> pack(const PackerShape& shape, std::size_t context, const std::vector<io::TokenId>& tokens,
                             std::size_t piece) {
  WindowPacker packer(shape, context, bytes_tokenizer());
  std::vector<MicroBatch> batches;
  const auto drain = [&] {
    while (auto batch = packer.take()) batches.push_back(std::move(*batch));
  };
  for (std::size_t at = 0; at < tokens.size(); at += piece) {
    packer.add(std::span(tokens).subspan(at, std::min(piece, tokens.size() - at)));
    drain();
  }
  packer.finish();
  drain();
  return batches;
}

struct Case {
  PackerShape shape{};
  std::size_t context = 0;
  std::vector<io::TokenId> tokens;
  std::vector<MicroBatch> batches;
};

Case some_case() {
  Case some;
  some.shape.seq_len = *rc::gen::inRange<std::size_t>(1, 20);
  some.shape.micro_batch_rows = *rc::gen::inRange<std::size_t>(1, 5);
  some.shape.step_batches_count = 1;
  some.shape.targets_max = std::numeric_limits<std::uint64_t>::max();
  some.context = *rc::gen::inRange<std::size_t>(0, some.shape.seq_len);
  some.tokens = *rc::gen::container<std::vector<io::TokenId>>(rc::gen::inRange(0, 257));
  some.batches = pack(some.shape, some.context, some.tokens, *rc::gen::inRange<std::size_t>(1, 50));
  return some;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(window_packer)

BOOST_AUTO_TEST_CASE(every_token_is_a_target_once_and_rows_are_the_stream) {
  BOOST_TEST(rc::check([] {
    const Case some = some_case();
    std::vector<io::TokenId> stream = {256};
    stream.insert(stream.end(), some.tokens.begin(), some.tokens.end());
    std::size_t next = 1;  // the place in the stream that is to be a target next
    std::uint64_t number = 0;
    const std::size_t T = some.shape.seq_len;
    for (const MicroBatch& batch : some.batches) {
      RC_ASSERT(batch.step == ++number);
      RC_ASSERT(batch.rows_count <= some.shape.micro_batch_rows && batch.ids.size() == batch.rows_count * (T + 1));
      RC_ASSERT(batch.context == (number == 1 ? 0 : some.context));
      for (std::size_t row = 0; row < batch.rows_count; ++row) {
        const std::size_t begin = next - 1 - batch.context;
        const std::size_t end = std::min((row + 1) * T, batch.targets_count);
        for (std::size_t target = row * T; target < end; ++target) {
          const std::size_t position = target - row * T;
          RC_ASSERT(batch.ids[row * (T + 1) + position] == stream[begin + position]);
          RC_ASSERT(batch.ids[row * (T + 1) + position + 1] == stream[begin + position + 1]);
          if (position < batch.context) continue;
          RC_ASSERT(begin + position + 1 == next++);
        }
      }
    }
    RC_ASSERT(next == stream.size());
  }));
}

BOOST_AUTO_TEST_CASE(bytes_are_those_of_the_text) {
  BOOST_TEST(rc::check([] {
    const Case some = some_case();
    std::uint64_t bytes = 0;
    for (const MicroBatch& batch : some.batches) bytes += batch.text_bytes;
    RC_ASSERT(bytes ==
              static_cast<std::uint64_t>(std::ranges::count_if(some.tokens, [](io::TokenId id) { return id != 256; })));
  }));
}

BOOST_AUTO_TEST_CASE(no_more_targets_than_are_wanted) {
  PackerShape shape{4, 2, 1, 13};
  const std::vector<io::TokenId> tokens(40, 65);
  for (const std::size_t context : {0, 1, 3}) {
    std::size_t count = 0;
    for (const MicroBatch& batch : pack(shape, context, tokens, 7))
      for (std::size_t target = 0; target < batch.targets_count; ++target) count += target % 4 >= batch.context;
    BOOST_TEST(count == 13u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
