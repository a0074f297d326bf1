#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "forecast/models/chronos2_prediction.h"

namespace arzoo::forecast {
namespace {

/// The categories that the past of any series has, by the covariate's name, and their place in order.
using CategoryPlaces = std::map<std::string, std::map<std::string, int64_t>>;

CategoryPlaces places_of_categories(std::span<const ZeroShotSeries> series) {
  CategoryPlaces all;
  for (const auto& one : series) {
    for (const auto& covariate : one.covariates) {
      if (!covariate.is_categorical()) continue;
      auto& places = all[covariate.name];
      std::vector<bool> seen(covariate.categories.size(), false);
      for (const auto code : covariate.past_codes) {
        if (code >= 0) seen[static_cast<std::size_t>(code)] = true;
      }
      for (std::size_t i = 0; i < seen.size(); ++i) {
        if (seen[i]) places.emplace(covariate.categories[i], 0);
      }
    }
  }
  for (auto& [name, places] : all) {
    int64_t next = 0;
    for (auto& [category, place] : places) place = next++;
  }
  return all;
}

/// The number of each code of a covariate: its category's place, the number of places where the cell is
/// empty, -1 where no past has the category.
struct CategoryNumbers {
  std::vector<int64_t> of_code;
  int64_t missing;

  CategoryNumbers(const ZeroShotCovariate& covariate, const std::map<std::string, int64_t>& places)
      : missing(static_cast<int64_t>(places.size())) {
    for (const auto& category : covariate.categories) {
      const auto found = places.find(category);
      of_code.push_back(found == places.end() ? -1 : found->second);
    }
  }
  int64_t operator()(int32_t code) const {
    if (code == ZeroShotCovariate::kMissing) return missing;
    return code < 0 ? -1 : of_code[static_cast<std::size_t>(code)];
  }
};

/// What each category stands for in a series of one target (Micci-Barreca, SIGKDD Explorations 2001).
class TargetEncoding {
 public:
  /// target: [T] float.
  TargetEncoding(const at::Tensor& target, const std::vector<int32_t>& codes, const CategoryNumbers& number)
      : sums_(static_cast<std::size_t>(number.missing) + 1), counts_(sums_.size()) {
    const auto values = target.contiguous();
    const float* y = values.const_data_ptr<float>();
    double sum = 0.0;
    int64_t count = 0;
    for (std::size_t t = 0; t < codes.size(); ++t) {
      if (!std::isfinite(y[t])) continue;
      sum += y[t];
      ++count;
      const auto place = number(codes[t]);
      if (place < 0) continue;
      sums_[static_cast<std::size_t>(place)] += y[t];
      counts_[static_cast<std::size_t>(place)] += 1.0;
    }
    mean_ = count > 0 ? sum / static_cast<double>(count) : 0.0;
  }
  double operator()(int64_t category) const {
    if (category < 0) return mean_;
    const auto c = static_cast<std::size_t>(category);
    return (mean_ + sums_[c]) / (1.0 + counts_[c]);
  }

 private:
  double mean_ = 0.0;
  std::vector<double> sums_, counts_;
};

template <class Value>
at::Tensor encoded(const std::vector<int32_t>& codes, const Value& value) {
  auto row = at::empty({static_cast<int64_t>(codes.size())}, at::kFloat);
  auto* to = row.mutable_data_ptr<float>();
  for (std::size_t t = 0; t < codes.size(); ++t) to[t] = static_cast<float>(value(codes[t]));
  return row;
}

/// A covariate's past and future as numbers; the future is undefined where it is not known.
std::pair<at::Tensor, at::Tensor> numbers_of(const ZeroShotSeries& series, const ZeroShotCovariate& covariate,
                                             const CategoryPlaces& places, bool target_encoding) {
  if (!covariate.is_categorical()) return {covariate.past, covariate.future};
  const CategoryNumbers number(covariate, places.at(covariate.name));
  const auto both = [&](const auto& value) {
    return std::pair(encoded(covariate.past_codes, value),
                     covariate.known_ahead ? encoded(covariate.future_codes, value) : at::Tensor());
  };
  if (target_encoding && series.targets.size(0) == 1) {
    const TargetEncoding encoding(series.targets[0].to(at::kFloat), covariate.past_codes, number);
    return both([&](int32_t code) { return encoding(number(code)); });
  }
  return both([&](int32_t code) {
    const auto place = number(code);
    return place < 0 ? NAN : static_cast<double>(place);
  });
}

}  // namespace

std::vector<Chronos2Rows> chronos2_rows(std::span<const ZeroShotSeries> series, int64_t horizon,
                                        bool target_encoding) {
  const auto places = places_of_categories(series);
  std::vector<Chronos2Rows> all;
  for (const auto& one : series) {
    const int64_t targets = one.targets.size(0);
    std::vector<at::Tensor> context{one.targets.to(at::kFloat)};
    std::vector<at::Tensor> future{at::full({targets, horizon}, NAN)};
    int64_t known_rows = 0;
    for (const bool ahead : {false, true}) {
      for (const auto& covariate : one.covariates) {
        if (covariate.known_ahead != ahead) continue;
        const auto [past, known] = numbers_of(one, covariate, places, target_encoding);
        context.push_back(past.to(at::kFloat).view({1, -1}));
        known_rows += ahead ? 1 : 0;
        future.push_back(ahead ? known.to(at::kFloat).view({1, -1}) : at::full({1, horizon}, NAN));
      }
    }
    all.push_back({at::cat(context), at::cat(future), targets, known_rows});
  }
  return all;
}

std::vector<Chronos2Batch> official_batches(std::span<const Chronos2Rows> tasks, int64_t batch_size) {
  std::vector<Chronos2Batch> batches;
  int64_t rows = batch_size;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (rows >= batch_size) {
      batches.push_back({i, 0});
      rows = 0;
    }
    ++batches.back().tasks;
    rows += tasks[i].context.size(0);
  }
  return batches;
}

Chronos2Input chronos2_batch(std::span<const Chronos2Rows* const> tasks, int64_t context_length,
                             bool one_group) {
  std::vector<at::Tensor> context, future;
  std::vector<int64_t> groups;
  bool known = false;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto& task = *tasks[i];
    const auto cut = last_columns(task.context, context_length);
    for (int64_t row = 0; row < cut.size(0); ++row) {
      context.push_back(cut[row]);
      groups.push_back(one_group ? 0 : static_cast<int64_t>(i));
    }
    future.push_back(task.future);
    known = known || !task.future.isnan().all().item<bool>();
  }
  Chronos2Input input;
  input.context = left_padded_rows(context);
  input.group_ids = at::tensor(groups, at::kLong);
  if (known) input.future_covariates = at::cat(future);
  return input;
}

}  // namespace arzoo::forecast
