#include "forecast/timesfm_xreg.h"

#include <torch/torch.h>

#include <algorithm>

#include "io/csv.h"

namespace arzoo::forecast {
namespace {

int64_t longest_of(const std::vector<int64_t>& lengths) {
  return *std::max_element(lengths.begin(), lengths.end());
}

/// Each series' forecast, [its horizon, K], and its backcast, [context - patch, K].
struct Cast {
  std::vector<at::Tensor> ahead, back;
};

Cast cast(const TimesFm& model, const std::vector<at::Tensor>& targets, const DesignMatrix& design,
          const TimesFmFlags& flags) {
  const int64_t horizon = longest_of(design.horizon_rows);
  const auto all = model.forecast_with_flags(targets, horizon, flags).to(at::kCPU, at::kFloat);
  const int64_t back = all.size(1) - horizon;
  Cast result;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto row = all[static_cast<int64_t>(i)];
    result.back.push_back(row.narrow(0, 0, back));
    result.ahead.push_back(row.narrow(0, back, design.horizon_rows[i]));
  }
  return result;
}

/// What the regression of the model's residuals needs, and the official code fails on without a word.
void require_backcasts(const TimesFm& model, std::span<const ZeroShotSeries> series,
                       const DesignMatrix& design, const TimesFmFlags& flags) {
  const int64_t patch = model.options().input_patch_len;
  const int64_t context = (flags.max_context + patch - 1) / patch * patch;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto id = io::shown(series[i].unique_id);
    const int64_t length = design.history_rows[i];
    if (length > context)
      fail<UsageError>(
          "series {}: {} steps, beyond max_context ({}), of which there is no backcast to regress "
          "(explain the series by its covariates first)",
          id, length, context);
    if (length <= patch)
      fail<UsageError>(
          "series {}: {} steps, no more than a patch ({}), of which there is no backcast to regress", id,
          length, patch);
    if (design.horizon_rows[i] != design.horizon_rows.front())
      fail<UsageError>(
          "series {}: a horizon of {} steps beside one of {}, expected equal ones (explain the "
          "series by their covariates first)",
          id, design.horizon_rows[i], design.horizon_rows.front());
  }
}

}  // namespace

std::vector<at::Tensor> forecast_with_xreg(const TimesFm& model, std::span<const ZeroShotSeries> series,
                                           std::span<const StaticCovariate> statics,
                                           const TimesFmFlags& flags, XRegMode mode,
                                           const XRegOptions& options) {
  const auto design = design_matrix(series, statics, options.ridge);
  std::vector<at::Tensor> targets;
  for (const auto& one : series) targets.push_back(one.targets[0].to(at::kDouble));
  const auto scale = TargetScale::of(targets, options.normalize_target);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = scale.apply(i, targets[i]);
  std::vector<at::Tensor> results;
  if (mode == XRegMode::regression_first) {
    const auto fit = fit_xreg(design, targets, options.ridge);
    std::vector<at::Tensor> residuals;
    for (std::size_t i = 0; i < targets.size(); ++i)
      residuals.push_back((targets[i] - fit.history[i]).to(at::kFloat));
    const auto found = cast(model, residuals, design, flags);
    for (std::size_t i = 0; i < targets.size(); ++i)
      results.push_back(scale.invert(i, found.ahead[i].to(at::kDouble) + fit.horizon[i].unsqueeze(-1)));
  } else {
    require_backcasts(model, series, design, flags);
    const int64_t patch = model.options().input_patch_len, median = model.median_channel();
    std::vector<at::Tensor> floats, residuals;
    for (const auto& target : targets) floats.push_back(target.to(at::kFloat));
    const auto found = cast(model, floats, design, flags);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const int64_t explained = targets[i].size(0) - patch, back = found.back[i].size(0);
      residuals.push_back(
          targets[i].narrow(0, patch, explained) -
          found.back[i].narrow(0, back - explained, explained).select(1, median).to(at::kDouble));
    }
    // The design matrix of the explained steps alone: its columns are standardised over these.
    std::vector<ZeroShotSeries> ends;
    for (const auto& one : series) {
      auto end = one;
      const int64_t explained = one.targets.size(1) - patch;
      end.targets = one.targets.narrow(1, patch, explained);
      for (auto& covariate : end.covariates) {
        if (covariate.is_categorical())
          covariate.past_codes.erase(covariate.past_codes.begin(), covariate.past_codes.begin() + patch);
        else
          covariate.past = covariate.past.narrow(0, patch, explained);
      }
      ends.push_back(std::move(end));
    }
    const auto fit = fit_xreg(design_matrix(ends, statics, options.ridge), residuals, options.ridge);
    for (std::size_t i = 0; i < targets.size(); ++i)
      results.push_back(scale.invert(i, found.ahead[i].to(at::kDouble) + fit.horizon[i].unsqueeze(-1)));
  }
  for (auto& result : results) result = result.to(at::kFloat);
  return results;
}

}  // namespace arzoo::forecast
