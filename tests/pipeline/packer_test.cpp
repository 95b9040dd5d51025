#include "pipeline/packer.hpp"

#include <rapidcheck.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>
#include <vector>

#include "io/tokenizer.hpp"
#include "pipeline/batch_order.hpp"

namespace {

using pipeline::MicroBatch;
using pipeline::Packer;
using pipeline::PackerShape;

constexpr std::uint64_t without_end = std::numeric_limits<std::uint64_t>::max();

const io::Tokenizer& bytes_tokenizer() {
  static const auto tokenizer = io::load_tokenizer("bytes");
  return *tokenizer;
}

/// Packs the documents, each in pieces of `piece` tokens.
std::vector<MicroBatch> pack(const PackerShape& shape, const std::vector<std::vector<io::TokenId>>& documents,
                             std::size_t piece) {
  Packer packer(shape, bytes_tokenizer());
  std::vector<MicroBatch> batches;
  const auto drain = [&] {
    while (auto batch = packer.take()) batches.push_back(std::move(*batch));
  };
  for (const auto& document : documents) {
    const std::span<const io::TokenId> ids(document);
    for (std::size_t at = 0; at < ids.size(); at += piece) {
      packer.add(ids.subspan(at, std::min(piece, ids.size() - at)));
      drain();
    }
    packer.end_document(true);
    drain();
  }
  packer.finish();
  drain();
  return batches;
}

/// The stream that DESIGN describes: end-of-text, then every document with its own.
std::vector<io::TokenId> stream_of(const std::vector<std::vector<io::TokenId>>& documents) {
  std::vector<io::TokenId> stream = {256};
  for (const auto& document : documents) {
    stream.insert(stream.end(), document.begin(), document.end());
    stream.push_back(256);
  }
  return stream;
}

std::vector<std::vector<io::TokenId>> some_documents() {
  return *rc::gen::container<std::vector<std::vector<io::TokenId>>>(
      rc::gen::container<std::vector<io::TokenId>>(rc::gen::inRange(0, 256)));
}

void property(const char* claim, const std::function<void()>& body) {
  BOOST_TEST(rc::check(claim, body));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(packer)

BOOST_AUTO_TEST_CASE(every_token_after_the_first_is_a_target_exactly_once) {
  property("targets are the stream without its first token", [] {
    const auto documents = some_documents();
    const PackerShape shape{*rc::gen::inRange<std::size_t>(1, 9), *rc::gen::inRange<std::size_t>(1, 4),
                            *rc::gen::inRange<std::size_t>(1, 5), without_end};
    const auto batches = pack(shape, documents, *rc::gen::inRange<std::size_t>(1, 20));
    std::vector<io::TokenId> targets, inputs;
    for (const MicroBatch& batch : batches) {
      const std::size_t width = batch.seq_len + 1;
      RC_ASSERT(batch.ids.size() == batch.rows_count * width);
      RC_ASSERT(batch.rows_count <= shape.micro_batch_rows);
      for (std::size_t i = 0; i < batch.targets_count; ++i) {
        const std::size_t row = i / batch.seq_len, column = i % batch.seq_len;
        inputs.push_back(batch.ids[row * width + column]);
        targets.push_back(batch.ids[row * width + column + 1]);
      }
    }
    const auto stream = stream_of(documents);
    RC_ASSERT(targets == std::vector<io::TokenId>(stream.begin() + 1, stream.end()));
    RC_ASSERT(inputs == std::vector<io::TokenId>(stream.begin(), stream.end() - 1));
  });
}

BOOST_AUTO_TEST_CASE(batches_do_not_depend_on_the_pieces_a_document_comes_in) {
  property("pieces of any size", [] {
    const auto documents = some_documents();
    const PackerShape shape{4, 2, 3, without_end};
    const auto whole = pack(shape, documents, 1000);
    const auto cut = pack(shape, documents, *rc::gen::inRange<std::size_t>(1, 10));
    RC_ASSERT(whole.size() == cut.size());
    for (std::size_t i = 0; i < whole.size(); ++i) RC_ASSERT(whole[i].ids == cut[i].ids);
  });
}

BOOST_AUTO_TEST_CASE(steps_and_indices_count_up_and_only_the_last_step_is_partial) {
  property("numbering", [] {
    const auto documents = some_documents();
    const PackerShape shape{3, *rc::gen::inRange<std::size_t>(1, 4), *rc::gen::inRange<std::size_t>(1, 5), without_end};
    const auto batches = pack(shape, documents, 7);
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const MicroBatch& batch = batches[i];
      const bool last = batch.step == batches.back().step;
      RC_ASSERT(batch.step == i / shape.step_batches_count + 1);
      RC_ASSERT(batch.index == i % shape.step_batches_count);
      RC_ASSERT(batch.last_step == last);
      RC_ASSERT(last || batch.step_batches_count == shape.step_batches_count);
      RC_ASSERT(!last || batch.step_batches_count == (batches.size() - 1) % shape.step_batches_count + 1);
      RC_ASSERT(i + 1 == batches.size() || batch.targets_count == shape.seq_len * shape.micro_batch_rows);
    }
  });
}

BOOST_AUTO_TEST_CASE(runs_change_the_order_of_a_steps_batches_and_nothing_else) {
  property("order", [] {
    const auto documents = some_documents();
    PackerShape shape{3, 1, *rc::gen::inRange<std::size_t>(1, 15), without_end};
    const auto by_index = pack(shape, documents, 7);
    shape.runs_together = *rc::gen::inRange<std::size_t>(2, 5);
    const auto in_runs = pack(shape, documents, 7);
    RC_ASSERT(in_runs.size() == by_index.size());
    for (std::size_t first = 0, at = 0; first < by_index.size(); first += by_index[first].step_batches_count) {
      pipeline::for_each_in_runs(by_index[first].step_batches_count, shape.runs_together, [&](std::size_t index) {
        const MicroBatch &here = in_runs[at++], &there = by_index[first + index];
        RC_ASSERT(here.step == there.step && here.index == index && here.ids == there.ids);
        RC_ASSERT(here.step_batches_count == there.step_batches_count && here.last_step == there.last_step);
        RC_ASSERT((here.position != nullptr) == (there.position != nullptr));
      });
    }
  });
}

BOOST_AUTO_TEST_CASE(documents_and_bytes_add_up) {
  property("conservation", [] {
    const auto documents = some_documents();
    std::uint64_t documents_count = 0, text_bytes = 0, wanted_bytes = 0;
    for (const MicroBatch& batch : pack({5, 2, 3, without_end}, documents, 11)) {
      documents_count += batch.documents_count;
      text_bytes += batch.text_bytes;
    }
    for (const auto& document : documents) wanted_bytes += document.size();
    RC_ASSERT(documents_count == documents.size());
    RC_ASSERT(text_bytes == wanted_bytes);
  });
}

BOOST_AUTO_TEST_CASE(a_limit_cuts_the_stream_after_that_many_targets) {
  const std::vector<std::vector<io::TokenId>> documents(10, std::vector<io::TokenId>(10, 7));  // 110 targets
  for (const std::uint64_t limit : {1u, 12u, 24u, 25u, 109u, 110u, 200u}) {
    const auto batches = pack({4, 1, 3, limit}, documents, 3);
    std::uint64_t targets_count = 0;
    for (const MicroBatch& batch : batches) targets_count += batch.targets_count;
    BOOST_TEST(targets_count == std::min<std::uint64_t>(limit, 110));
    BOOST_TEST(batches.back().last_step);
  }
}

BOOST_AUTO_TEST_CASE(a_step_waits_until_it_is_known_whether_it_is_the_last) {
  Packer packer({2, 1, 2, without_end}, bytes_tokenizer());
  const std::vector<io::TokenId> four = {1, 2, 3, 4};
  packer.add(four);
  BOOST_TEST(!packer.take().has_value());
  const std::vector<io::TokenId> one = {5};
  packer.add(one);
  const auto batch = packer.take();
  BOOST_REQUIRE(batch.has_value());
  BOOST_TEST(!batch->last_step);
}

BOOST_AUTO_TEST_CASE(a_stream_without_documents_has_no_batches) {
  Packer packer({2, 1, 2, without_end}, bytes_tokenizer());
  packer.finish();
  BOOST_TEST(!packer.take().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
