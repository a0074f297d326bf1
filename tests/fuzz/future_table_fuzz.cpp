// Tables of what is known of the steps ahead, for one series and for two.

#include "forecast/data/covariates.h"
#include "fuzz/fuzz_target.h"

namespace {

arzoo::io::SeriesTable history(const char* id) {
  arzoo::io::SeriesTable table;
  table.unique_id = id;
  table.source = "history";
  table.variates = {"y"};
  table.values = {1.0};
  table.stamps = {arzoo::io::to_timestamp({2020, 1, 1, 9, 0, 0})};
  table.frequency = {arzoo::io::Frequency::Unit::hour};
  return table;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace arzoo;
  static const std::vector<io::SeriesTable> series{history("north"), history("south")};
  static const forecast::FutureOptions options{
      {"price", "weather"},
      std::make_shared<const std::vector<io::CategoryColumn>>(
          std::vector<io::CategoryColumn>{{"weather", {"rain", "sun"}}}),
      "",
      ""};
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}}) {
    fuzz::refuse_or_accept([&] {
      constexpr std::size_t kHorizon = 2;
      std::vector<std::string> notes;
      const auto known = forecast::read_future(io::CsvTable::parse(text, "input"), options,
                                               std::span(series).first(count), kHorizon, notes);
      if (known.size() != count) std::abort();
      for (const auto& one : known) {
        if (one.stamps.size() != kHorizon || one.values.size() != 2 * kHorizon) std::abort();
        for (const double value : one.values) {
          if (!(value - value == 0.0)) std::abort();  // not finite
        }
      }
    });
  }
  return 0;
}
