#include "forecast/scores/conformal.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"

namespace arzoo::forecast {
namespace {

/// Places, from 1 for the largest, of the residuals that are stored of `windows`.
std::vector<int64_t> stored_places(int64_t windows, int64_t cells) {
  const int64_t room = ConformalScores::kMostValues / std::max<int64_t>(1, cells);
  const int64_t most = std::max(2 * ConformalScores::kTail, room);
  std::vector<int64_t> places;
  const int64_t tail = windows <= most ? windows : most / 2;
  for (int64_t place = 1; place <= tail; ++place) places.push_back(place);
  const int64_t spaced = std::min(windows, most) - tail;
  for (int64_t j = 1; j <= spaced; ++j) places.push_back(tail + j * (windows - tail) / spaced);
  return places;
}

/// Of one variate's residuals [n, S]; pairs of neighbouring steps that were both measured count.
double lag_correlation(const at::Tensor& residuals) {
  constexpr double kMost = 0.999;  // a path must not stand still
  const int64_t pairs = residuals.size(1) - 1;
  const auto values = residuals.to(at::kDouble);
  // Each step by its own mean and standard deviation: errors grow with the lead time.
  const auto centred = values - values.nanmean(0, true);
  const auto deviation = centred.square().nanmean(0, true).sqrt();
  const auto standard = centred / deviation.masked_fill(deviation == 0, 1.0);
  const auto first = standard.narrow(1, 0, pairs), second = standard.narrow(1, 1, pairs);
  const auto both = (first * second).isnan().logical_not();
  const auto sum = [&](const at::Tensor& x) { return at::where(both, x, 0.0).sum().item<double>(); };
  const double correlation = sum(first * second) / std::sqrt(sum(first.square()) * sum(second.square()));
  return std::isfinite(correlation) ? std::clamp(correlation, -kMost, kMost) : 0.0;
}

/// residuals: [n, S, C]; returns [C] double.
at::Tensor lag_correlations(const at::Tensor& residuals) {
  std::vector<double> correlations;
  for (int64_t c = 0; c < residuals.size(2); ++c)
    correlations.push_back(lag_correlation(residuals.select(2, c)));
  return at::tensor(correlations, at::kDouble);
}

}  // namespace

ConformalScores ConformalScores::fit(const at::Tensor& residuals) {
  torch::NoGradGuard no_grad;
  const int64_t windows = residuals.size(0);
  if (windows == 0) return {};
  ConformalScores scores;
  const auto measured = residuals.isnan().logical_not();
  scores.counts_ = measured.sum(0);
  // What was not measured goes behind all that was: no rank reaches it.
  const auto sorted = std::get<0>(at::where(measured, residuals.abs(), -1.0).sort(0, /*descending=*/true));
  const auto places = stored_places(windows, residuals.size(1) * residuals.size(2));
  scores.places_ = at::tensor(places, at::kLong);
  scores.residuals_ = sorted.index_select(0, scores.places_ - 1).contiguous();
  scores.autocorrelation_ = lag_correlations(residuals);
  return scores;
}

ConformalScores ConformalScores::open(const std::filesystem::path& file, const SeriesShape& shape) {
  const auto tensors = runtime::open_tensors(file);
  if (!tensors.contains("places")) {
    fail<CheckpointError>(
        "{}: no tensor \"places\", expected intervals of this version (delete the file to forecast without "
        "intervals, or train again)",
        file.string());
  }
  ConformalScores scores;
  scores.residuals_ = tensors.at("residuals").clone();
  scores.places_ = tensors.at("places").clone();
  scores.counts_ = tensors.at("counts").clone();
  if (tensors.contains("autocorrelation")) {
    scores.autocorrelation_ = tensors.at("autocorrelation").clone();
    const auto& lag = scores.autocorrelation_;
    if (lag.sizes() != at::IntArrayRef({shape.c_out}) || lag.scalar_type() != at::kDouble ||
        !lag.abs().lt(1.0).all().item<bool>())
      fail<CheckpointError>("{}: autocorrelation: expected c_out {} doubles between -1 and 1", file.string(),
                            shape.c_out);
  }
  const int64_t stored = scores.places_.numel();
  const auto cells = {shape.pred_len, shape.c_out};
  const bool fits = stored > 0 &&
                    scores.residuals_.sizes() == at::IntArrayRef({stored, shape.pred_len, shape.c_out}) &&
                    scores.counts_.sizes() == at::IntArrayRef(cells) && scores.places_.dim() == 1 &&
                    scores.residuals_.scalar_type() == at::kFloat &&
                    scores.places_.scalar_type() == at::kLong && scores.counts_.scalar_type() == at::kLong;
  if (!fits) {
    fail<CheckpointError>("{}: expected float residuals [K, pred_len {}, c_out {}], places [K] and counts",
                          file.string(), shape.pred_len, shape.c_out);
  }
  const auto ascending = stored == 1 || scores.places_.diff().gt(0).all().item<bool>();
  if (!ascending || scores.places_[0].item<int64_t>() != 1)
    fail<CheckpointError>("{}: places: expected 1, 2, … ascending", file.string());
  return scores;
}

void ConformalScores::save(const std::filesystem::path& file) const {
  std::vector<runtime::NamedTensors::Entry> entries{
      {"residuals", residuals_}, {"places", places_}, {"counts", counts_}};
  if (autocorrelation_.defined()) entries.emplace_back("autocorrelation", autocorrelation_);
  runtime::write_safetensors(file, entries, {});
}

int64_t ConformalScores::windows() const { return empty() ? 0 : counts_.min().item<int64_t>(); }

double ConformalScores::highest_level() const {
  const auto n = static_cast<double>(windows());
  return 100.0 * n / (n + 1.0);
}

at::Tensor ConformalScores::half_width(double level) const {
  // The ceil((n + 1) p)-th smallest of n is the floor((n + 1) (1 - p))-th largest; the allowance is for
  // levels such as 99.9 that are not exact in binary.
  const auto place =
      (counts_ + 1).to(at::kDouble).mul((100.0 - level) / 100.0).add(1e-9).floor().to(at::kLong);
  if (place.min().item<int64_t>() < 1) {
    fail<UsageError>(
        "--level {:g}: {} calibration windows are too few, expected {} (ask for at most {:.4g}, or train "
        "with a "
        "longer validation split)",
        level, windows(), static_cast<int64_t>(std::ceil(level / (100.0 - level) - 1e-9)),
        std::floor(highest_level() * 100.0) / 100.0);
  }
  const auto stored = at::searchsorted(places_, place, /*out_int32=*/false, /*right=*/true) - 1;  // [S, C]
  return residuals_.gather(0, stored.unsqueeze(0)).squeeze(0);
}

at::Tensor ConformalScores::half_width(double level, int64_t horizon) const {
  const auto measured = half_width(level);
  const int64_t steps = measured.size(0);
  if (horizon <= steps) return measured.narrow(0, 0, horizon);
  const auto lead =
      at::arange(steps + 1, horizon + 1, at::kFloat).div(static_cast<double>(steps)).sqrt().unsqueeze(1);
  return at::cat({measured, measured.narrow(0, steps - 1, 1) * lead});
}

ConformalPValues::ConformalPValues(const ConformalScores& scores)
    : ascending_(scores.residuals().flip(0).permute({1, 2, 0}).contiguous()), counts_(scores.counts()) {
  // k stored ones are as large, the next one is not: those between them that were not stored may be.
  at_least_ = at::cat({scores.places() - 1, at::full({1}, std::numeric_limits<int64_t>::max(), at::kLong)});
}

at::Tensor ConformalPValues::of(const at::Tensor& residuals) const {
  const int64_t samples = residuals.size(0), steps = residuals.size(1), variates = residuals.size(2);
  if (variates != ascending_.size(1)) {
    // A model of single series: each variate is one.
    const auto apart = residuals.transpose(1, 2).reshape({samples * variates, steps, 1});
    return of(apart).view({samples, variates, steps}).transpose(1, 2);
  }
  const int64_t stored = ascending_.size(2);
  const auto wanted = residuals.abs().to(at::kFloat).permute({1, 2, 0}).contiguous();  // [S', C, N]
  const auto smaller = at::searchsorted(ascending_.narrow(0, 0, steps).contiguous(), wanted);
  const auto counts = counts_.narrow(0, 0, steps).unsqueeze(-1);
  const auto as_large = at::minimum(at_least_.index({stored - smaller}), counts).to(at::kDouble);
  const auto share = (as_large + 1.0) / (counts + 1).to(at::kDouble);
  return share.permute({2, 0, 1}).masked_fill(residuals.isnan(), std::nan(""));
}

}  // namespace arzoo::forecast
