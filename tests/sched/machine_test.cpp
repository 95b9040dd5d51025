// Placement on machines that are not here: hwloc makes them up.

#include "sched/machine.hpp"

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace {

using sched::CoreNumber;
using sched::Processor;

std::vector<CoreNumber> all_of(const std::vector<Processor>& processors) {
  std::vector<CoreNumber> numbers;
  for (const Processor& processor : processors) numbers.push_back(processor.number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

const Processor& processor_of(const std::vector<Processor>& processors, CoreNumber number) {
  return *std::find_if(processors.begin(), processors.end(), [&](const Processor& p) { return p.number == number; });
}

std::vector<CoreNumber> first(std::vector<CoreNumber> list, std::size_t count) {
  list.resize(count);
  return list;
}

struct Made {
  std::string description;
  std::size_t processors, cores, nodes;
};
std::ostream& operator<<(std::ostream& out, const Made& made) {
  return out << made.description;
}
const std::vector<Made> machines = {
    {"node:1 core:1 pu:1", 1, 1, 1},         {"node:1 core:2 pu:1", 2, 2, 1},
    {"node:1 l3:1 core:12 pu:1", 12, 12, 1}, {"node:1 l3:8 core:8 pu:1", 64, 64, 1},
    {"node:2 l3:4 core:8 pu:1", 64, 64, 2},  {"node:2 l3:1 core:6 pu:2", 24, 12, 2},
    {"node:8 l3:1 core:8 pu:1", 64, 64, 8},  {"node:8 l3:2 core:4 pu:2", 128, 64, 8},
};

}  // namespace

BOOST_TEST_DONT_PRINT_LOG_VALUE(std::vector<CoreNumber>)
BOOST_AUTO_TEST_SUITE(machine)

BOOST_DATA_TEST_CASE(executors_fill_one_node_after_the_other_and_share_no_core, boost::unit_test::data::make(machines),
                     made) {
  const std::vector<Processor> processors = sched::synthetic_processors(made.description);
  BOOST_REQUIRE_EQUAL(processors.size(), made.processors);
  const std::vector<CoreNumber> order = sched::placement_order(processors, all_of(processors));
  BOOST_REQUIRE_EQUAL(order.size(), made.processors);
  BOOST_TEST(std::set<CoreNumber>(order.begin(), order.end()).size() == made.processors);
  std::set<unsigned> cores;
  for (std::size_t i = 0; i < made.cores; ++i) cores.insert(processor_of(processors, order[i]).core);
  BOOST_TEST(cores.size() == made.cores);  // no second thread before every core has one
  BOOST_TEST(sched::nodes_count(processors, order) == made.nodes);
  const std::size_t node_cores = made.cores / made.nodes;
  for (std::size_t count = 1; count <= made.cores; ++count)
    BOOST_TEST(sched::nodes_count(processors, first(order, count)) == (count + node_cores - 1) / node_cores);
}

BOOST_DATA_TEST_CASE(ingest_stands_apart_where_a_core_is_left, boost::unit_test::data::make(machines), made) {
  const std::vector<Processor> processors = sched::synthetic_processors(made.description);
  const std::vector<CoreNumber> allowed = all_of(processors);
  const std::vector<CoreNumber> order = sched::placement_order(processors, allowed);
  for (std::size_t count = 1; count <= made.cores; ++count) {
    const std::vector<CoreNumber> executors = first(order, count);
    const std::vector<CoreNumber> place = sched::ingest_place(processors, allowed, executors);
    BOOST_TEST(place.empty() == (count == made.cores));
    const bool node_has_room = count % (made.cores / made.nodes) != 0 && count < made.cores / made.nodes;
    for (const CoreNumber number : place) {
      const Processor& stands = processor_of(processors, number);
      for (const CoreNumber executor : executors) BOOST_TEST(processor_of(processors, executor).core != stands.core);
      if (node_has_room) BOOST_TEST(stands.node == processor_of(processors, executors.front()).node);
    }
  }
}

BOOST_AUTO_TEST_CASE(only_what_is_allowed_is_taken) {
  const std::vector<Processor> processors = sched::synthetic_processors("node:2 core:2 pu:2");
  // Of the first core only the second thread is allowed: it counts as the core's first.
  const std::vector<CoreNumber> order = sched::placement_order(processors, {1, 4, 5});
  BOOST_TEST((order == std::vector<CoreNumber>{1, 4, 5}));
  BOOST_TEST((sched::placement_order(processors, {99}) == std::vector<CoreNumber>{99}));
}

BOOST_AUTO_TEST_CASE(this_machine_has_the_processors_of_the_affinity_mask) {
  const std::vector<Processor> processors = sched::machine_processors();
  const std::vector<CoreNumber> known = all_of(processors);
  for (const CoreNumber number : sched::allowed_cores())
    BOOST_TEST(std::binary_search(known.begin(), known.end(), number));
}

BOOST_AUTO_TEST_CASE(what_hwloc_does_not_understand_is_said) {
  BOOST_CHECK_THROW(sched::synthetic_processors("nonsense"), sched::TopologyError);
}

BOOST_AUTO_TEST_SUITE_END()
