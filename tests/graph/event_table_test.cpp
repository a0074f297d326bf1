#include "graph/event_table.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using graph::EventTable;

namespace {

EventTable table_of(const std::string& text) { return EventTable::parse(text, "events.csv"); }

std::string refusal(const std::string& text) {
  try {
    table_of(text);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("nodes are numbered in the order in which the file names them") {
  const auto table = table_of("src,dst,time\nb,a,1\nc,b,2\na,d,3\n");
  REQUIRE(table.nodes.size() == 4);
  for (const auto& [node, name] : {std::pair{0, "b"}, {1, "a"}, {2, "c"}, {3, "d"}}) {
    CHECK(table.nodes.name(node) == name);
    CHECK(table.nodes.find(name) == node);
  }
  CHECK_FALSE(table.nodes.find("e"));
  CHECK(table.source == std::vector<uint32_t>{0, 2, 1});
  CHECK(table.target == std::vector<uint32_t>{1, 0, 3});
  CHECK(table.notes.empty());
}

TEST_CASE("columns stand in any order, and what is no src, dst, time or label is a feature") {
  const auto table = table_of("time,weight,dst,label,src,kind\n1,0.5,b,1,a,2\n4,-1,c,0,\"a, b\",3\n");
  CHECK(table.feature_names == std::vector<std::string>{"weight", "kind"});
  CHECK(table.features == std::vector<float>{0.5F, 2.0F, -1.0F, 3.0F});
  CHECK(table.nodes.name(table.source[1]) == "a, b");
  CHECK(table.first_at(1.0) == 0);
  CHECK(table.first_at(1.5) == 1);
  CHECK(table.first_at(9.0) == 2);
}

TEST_CASE("events that are not in the order of time are sorted with a note, ties keep the file's order") {
  const auto table = table_of("src,dst,time,f\na,b,5,1\nb,c,1,2\nc,d,5,3\nd,e,1,4\n");
  CHECK(table.time == std::vector<double>{1, 1, 5, 5});
  CHECK(table.features == std::vector<float>{2, 4, 1, 3});
  REQUIRE(table.notes.size() == 1);
  CHECK(table.notes[0] == "events.csv: 2 events were earlier than the one before them, sorted by time");
}

TEST_CASE("repeated events and loops are kept and counted") {
  const auto table = table_of("src,dst,time\na,b,1\na,b,1\nb,b,1\na,b,2\n");
  CHECK(table.size() == 4);
  REQUIRE(table.notes.size() == 2);
  CHECK(table.notes[0] == "events.csv: 1 events have the src, dst and time of another, all are kept");
  CHECK(table.notes[1] == "events.csv: 1 events join a node with itself");
}

TEST_CASE("a file of events that cannot be used is refused by place, expectation and remedy") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"a,b,c\n1,2,3\n",
       "events.csv:1: no column \"src\" among \"a\", \"b\", \"c\", expected "
       "src,dst,time[,label][,features…]"},
      {"src,dst,when\na,b,3\n",
       "events.csv:1: no column \"time\" among \"src\", \"dst\", \"when\", expected "
       "src,dst,time[,label][,features…]"},
      {"src,dst,time\n", "events.csv: no events below the header"},
      {"src,dst,time\na,b,1\n,b,2\n", "events.csv:3: src is empty, expected the name of a node"},
      {"src,dst,time\na,b,-2\n",
       "events.csv:2: time is \"-2\", expected seconds from 0 on (add the same number to all times)"},
      {"src,dst,time\na,b,inf\n", "events.csv:2: time is \"inf\", expected a finite number"},
      {"src,dst,time\na,b,nan\n", "events.csv:2: time is \"nan\", expected a finite number"},
      {"src,dst,time\na,b,\n", "events.csv:2: time is empty, expected a finite number"},
      {"src,dst,time\na,b,noon\n", "events.csv:2: time is \"noon\", expected a finite number"},
      {"src,dst,time,f\na,b,1,x\n", "events.csv:2: f is \"x\", expected a finite number"},
      {"src,dst,time,label\na,b,1,yes\n", "events.csv:2: label is \"yes\", expected a finite number"},
      {"src,dst,time\na,b,1\nb,c\n", "events.csv:3: 2 cells, expected 3 as in the header"},
  }));
  CHECK(refusal(text) == message);
}

TEST_CASE("an unknown node is refused with the nearest name") {
  const auto table = table_of("src,dst,time\nalice,bob,1\n");
  CHECK(table.nodes.at("bob", "here") == 1);
  CHECK_THROWS_WITH(table.nodes.at("alise", "links: --src alise"),
                    "links: --src alise: no event has a node \"alise\" (did you mean \"alice\"?)");
  CHECK_THROWS_WITH(table.nodes.at("zzzzzzzzz", "here"), "here: no event has a node \"zzzzzzzzz\"");
}
