#include "core/fetched_data.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace arzoo {
namespace {

struct FetchedFile {
  std::string_view place;  ///< folder and file, as the script makes them below data/
  std::string_view name;   ///< what the script calls it
};

constexpr std::array<FetchedFile, 10> kFetchedFiles{{
    {"digits/train.tsv", "speech"},
    {"digits/test.tsv", "speech"},
    {"digits/recorded.tsv", "speech"},
    {"ETT/ETTh1.csv", "etth1"},
    {"ETT/ETTh2.csv", "etth2"},
    {"ETT/ETTm1.csv", "ettm1"},
    {"ETT/ETTm2.csv", "ettm2"},
    {"benchmark/weather.csv", "weather"},
    {"benchmark/exchange_rate.csv", "exchange"},
    {"benchmark/national_illness.csv", "ili"},
}};
constexpr std::string_view kFashion = "fashion_mnist";

std::string_view fetched_name(const std::filesystem::path& path) {
  const auto folder = path.parent_path().filename();
  if (folder == kFashion || path.filename() == kFashion) return kFashion;
  const auto place = (folder / path.filename()).generic_string();
  for (const auto& file : kFetchedFiles) {
    if (file.place == place) return file.name;
  }
  return {};
}

}  // namespace

std::string fetch_hint(const std::filesystem::path& path) {
  const auto name = fetched_name(path);
  return name.empty() ? "" : fmt::format(" (scripts/get_data.sh {} fetches it)", name);
}

}  // namespace arzoo
