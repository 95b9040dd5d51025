#include "compute/documents.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

BOOST_AUTO_TEST_SUITE(documents)

using Firsts = std::vector<std::uint32_t>;

constexpr std::int32_t end = 9;

Firsts firsts_of(const std::vector<std::int32_t>& ids, std::size_t rows, std::size_t seq_len) {
  Firsts first(rows * seq_len, 77);
  compute::document_firsts(first, ids, rows, seq_len, end);
  return first;
}

BOOST_AUTO_TEST_CASE(an_end_of_text_begins_a_document_at_its_own_position) {
  BOOST_TEST(firsts_of({end, 1, 2, end, 3, end, 4}, 1, 6) == Firsts({0, 0, 0, 3, 3, 5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(positions_before_a_rows_first_end_of_text_go_on_with_an_earlier_rows_document) {
  BOOST_TEST(firsts_of({1, 2, 3, 4, 5, 6, end, 7}, 2, 3) == Firsts({0, 0, 0, 0, 0, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_end_of_text_that_is_only_a_target_begins_nothing) {
  BOOST_TEST(firsts_of({1, 2, end, 1, 2, 3}, 2, 2) == Firsts({0, 0, 0, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(padding_is_documents_of_one_token) {
  BOOST_TEST(firsts_of({1, end, end, end, end}, 1, 4) == Firsts({0, 1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(documents_end_where_the_next_begins) {
  const Firsts first = {0, 0, 2, 3, 3};
  BOOST_TEST(compute::document_end(first.data(), 0, 5) == 2u);
  BOOST_TEST(compute::document_end(first.data(), 2, 5) == 3u);
  BOOST_TEST(compute::document_end(first.data(), 3, 5) == 5u);
  BOOST_TEST(compute::document_end(nullptr, 0, 5) == 5u);
}

BOOST_AUTO_TEST_SUITE_END()
