#include "forecast/data/seen_rows.h"

#include <algorithm>

#include "io/date_format.h"

namespace arzoo::forecast {

std::map<std::string, SeenRows> seen_rows(const SeriesData& data) {
  std::map<std::string, SeenRows> rows;
  for (const auto& series : data.series()) {
    const auto& stamps = *series.stamps;
    const auto train = series.borders[static_cast<int>(runtime::Split::train)].end;
    if (train == 0) continue;
    int64_t validated = train;
    for (const auto split : {runtime::Split::val, runtime::Split::calibration})
      validated = std::max(validated, series.borders[static_cast<int>(split)].end);
    rows[series.unique_id] = {stamps.front(), stamps[train - 1], stamps[validated - 1]};
  }
  return rows;
}

Json seen_rows_json(const std::map<std::string, SeenRows>& rows) {
  Json json = Json::object();
  const io::DateFormat iso;
  for (const auto& [id, seen] : rows)
    json[id] = {iso.format(seen.first), iso.format(seen.last_trained), iso.format(seen.last_validated)};
  return json;
}

std::map<std::string, SeenRows> read_seen_rows(const Config& json) {
  std::map<std::string, SeenRows> rows;
  for (const auto& [id, stamps] : json.members()) {
    std::vector<std::string> texts;
    stamps.read(texts, {});
    std::vector<io::Timestamp> read;
    for (const auto& text : texts) {
      const auto reading = io::DateFormat().read(text);
      if (reading) read.push_back(reading->stamp);
    }
    if (read.size() != 3 || texts.size() != 3 || !std::is_sorted(read.begin(), read.end()))
      stamps.reject(
          "expected three stamps (first row, last trained, last validated), as 2016-07-01 00:00:00");
    rows[id] = {read[0], read[1], read[2]};
  }
  return rows;
}

}  // namespace arzoo::forecast
