#include "forecast/models/timesfm_xreg.h"

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

std::vector<at::Tensor> regression_first(const TimesFm& model, const DesignMatrix& design,
                                         std::vector<at::Tensor> targets, const TimesFmFlags& flags,
                                         const XRegOptions& options) {
  const auto scale = TargetScale::of(targets, options.normalize_target);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = scale.apply(i, targets[i]);
  const auto fit = fit_xreg(design, targets, options.ridge);
  std::vector<at::Tensor> residuals, results;
  for (std::size_t i = 0; i < targets.size(); ++i)
    residuals.push_back((targets[i] - fit.history[i]).to(at::kFloat));
  const auto found = cast(model, residuals, design, flags);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto sum = found.ahead[i].to(at::kDouble) + fit.horizon[i].unsqueeze(-1);
    results.push_back(scale.invert(i, sum).to(at::kFloat));
  }
  return results;
}

/// What model_first explains the residuals by.
struct XRegInput {
  std::span<const ZeroShotSeries> series;
  std::span<const StaticCovariate> statics;
  const DesignMatrix& design;
};

/// The model reads the series as they are; its residuals are standardised one by one.
std::vector<at::Tensor> model_first(const TimesFm& model, const XRegInput& input,
                                    const std::vector<at::Tensor>& targets, const TimesFmFlags& flags,
                                    const XRegOptions& options) {
  require_backcasts(model, input.series, input.design, flags);
  const int64_t patch = model.options().input_patch_len, median = model.median_channel();
  std::vector<at::Tensor> floats, residuals, results;
  for (const auto& target : targets) floats.push_back(target.to(at::kFloat));
  const auto found = cast(model, floats, input.design, flags);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const int64_t explained = targets[i].size(0) - patch, back = found.back[i].size(0);
    const auto backcast = found.back[i].narrow(0, back - explained, explained).select(1, median);
    residuals.push_back(targets[i].narrow(0, patch, explained) - backcast.to(at::kDouble));
  }
  const auto scale = TargetScale::of(residuals, options.normalize_target);
  for (std::size_t i = 0; i < residuals.size(); ++i) residuals[i] = scale.apply(i, residuals[i]);
  // The design matrix of the explained steps alone: its columns are standardised over these.
  std::vector<ZeroShotSeries> ends;
  for (const auto& one : input.series) ends.push_back(without_start(one, patch));
  const auto fit = fit_xreg(design_matrix(ends, input.statics, options.ridge), residuals, options.ridge);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto shift = scale.invert(i, fit.horizon[i]).unsqueeze(-1);
    results.push_back((found.ahead[i].to(at::kDouble) + shift).to(at::kFloat));
  }
  return results;
}

}  // namespace

std::vector<at::Tensor> forecast_with_xreg(const TimesFm& model, std::span<const ZeroShotSeries> series,
                                           std::span<const StaticCovariate> statics,
                                           const TimesFmFlags& flags, XRegMode mode,
                                           const XRegOptions& options) {
  const auto design = design_matrix(series, statics, options.ridge);
  std::vector<at::Tensor> targets;
  for (const auto& one : series) targets.push_back(one.targets[0].to(at::kDouble));
  return mode == XRegMode::regression_first
             ? regression_first(model, design, targets, flags, options)
             : model_first(model, {series, statics, design}, targets, flags, options);
}

}  // namespace arzoo::forecast
