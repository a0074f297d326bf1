#include "forecast/commands/forecast_chart.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "core/atomic_file.h"
#include "core/chart.h"
#include "core/output_folder.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kHistoryPerHorizon = 3;  // as much context as the eye needs to judge the forecast

/// Names of files, each given once.
class FileNames {
 public:
  /// An id as a file name: whatever a shell or a file system could trip over becomes "_", and only so many
  /// letters of it are taken as every file system holds.
  std::string of(const std::string& id) {
    constexpr std::size_t kLongest = 120;
    std::string name;
    for (const char c : id.substr(0, kLongest))
      name += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ? c : '_';
    if (name.empty() || name.front() == '.') name = "_" + name;
    std::string unique = name;
    for (int& count = counts_[name]; !taken_.insert(unique).second;)
      unique = fmt::format("{}_{}", name, ++count + 1);
    return unique + ".svg";
  }

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> counts_;
};

}  // namespace

std::vector<double> column_of(const at::Tensor& values, int64_t channel) {
  const auto contiguous = values.select(1, channel).to(at::kDouble).contiguous();
  const double* begin = contiguous.const_data_ptr<double>();
  return {begin, begin + contiguous.numel()};
}

FanChart fan_chart(const io::SeriesTable& table, const SeriesForecast& forecast, const std::string& id,
                   int64_t channel) {
  FanChart chart;
  chart.title = id;
  chart.y_title = forecast.variates[channel];
  const auto variate = static_cast<std::size_t>(
      std::find(table.variates.begin(), table.variates.end(), chart.y_title) - table.variates.begin());
  const auto first_ahead =
      std::lower_bound(table.stamps.begin(), table.stamps.end(), forecast.stamps.front());
  const auto known = static_cast<std::size_t>(first_ahead - table.stamps.begin());
  const auto steps = forecast.stamps.size();
  for (std::size_t row = known - std::min(known, kHistoryPerHorizon * steps); row < known; ++row) {
    chart.stamps.push_back(table.date_format.format(table.stamps[row]));
    chart.history.push_back(table.at(row, variate));
  }
  if (known + steps <= table.rows()) {
    for (std::size_t row = known; row < known + steps; ++row)
      chart.truth.push_back(table.measured(row, variate) ? table.at(row, variate) : kGap);
  }
  for (const auto stamp : forecast.stamps) chart.stamps.push_back(table.date_format.format(stamp));
  chart.forecast = column_of(forecast.mean, channel);
  for (const auto& [level, low, high] : forecast.intervals)
    chart.intervals.push_back({level, column_of(low, channel), column_of(high, channel)});
  return chart;
}

std::vector<SeriesForecast> joined(const std::vector<std::vector<SeriesForecast>>& stretches) {
  if (stretches.empty()) return {};
  auto all = stretches.front();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto join = [&](const auto& part_of) {
      std::vector<at::Tensor> parts;
      for (const auto& stretch : stretches) parts.push_back(part_of(stretch[i]));
      return at::cat(parts);
    };
    for (std::size_t later = 1; later < stretches.size(); ++later) {
      const auto& stamps = stretches[later][i].stamps;
      all[i].stamps.insert(all[i].stamps.end(), stamps.begin(), stamps.end());
    }
    all[i].mean = join([](const auto& forecast) { return forecast.mean; });
    for (std::size_t level = 0; level < all[i].intervals.size(); ++level) {
      all[i].intervals[level].low =
          join([level](const auto& forecast) { return forecast.intervals[level].low; });
      all[i].intervals[level].high =
          join([level](const auto& forecast) { return forecast.intervals[level].high; });
    }
  }
  return all;
}

Json write_charts(const fs::path& folder, const std::vector<io::SeriesTable>& tables,
                  const std::vector<SeriesForecast>& forecasts,
                  const std::vector<std::vector<std::string>>& ids) {
  make_folder(folder);
  Json paths = Json::array();
  FileNames names;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (std::size_t c = 0; c < ids[i].size(); ++c) {
      const auto path = folder / names.of(ids[i][c]);
      write_atomically(path, to_svg(fan_chart(tables[i], forecasts[i], ids[i][c], static_cast<int64_t>(c))));
      paths.push_back(path.string());
    }
  }
  return paths;
}

}  // namespace arzoo::forecast
