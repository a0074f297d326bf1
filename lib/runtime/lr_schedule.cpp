#include "runtime/lr_schedule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

namespace arzoo::runtime {
namespace {

/// The rate that the Informer line's "type2" table has set by the end of `epoch`.
double type2(double initial, int64_t epoch) {
  constexpr std::array<std::pair<int64_t, double>, 7> kTable{
      {{2, 5e-5}, {4, 1e-5}, {6, 5e-6}, {8, 1e-6}, {10, 5e-7}, {15, 1e-7}, {20, 5e-8}}};
  double rate = initial;
  for (const auto& [after, value] : kTable) {
    if (epoch >= after) rate = value;
  }
  return rate;
}

/// The rate after `finished` epochs.
double epoch_rate(const TrainingOptions& options, int64_t finished) {
  const double initial = options.learning_rate;
  if (options.lradj == "type1") return finished < 1 ? initial : initial * std::pow(0.5, finished - 1);
  if (options.lradj == "type2") return type2(initial, finished);
  if (options.lradj == "type3") return finished < 3 ? initial : initial * std::pow(0.9, finished - 3);
  return initial;
}

/// The place at which the first line of "lin0.8" ends, nothing for another kind.
std::optional<double> bend_of(const std::string& kind) {
  constexpr std::string_view kLine = "lin";
  if (!kind.starts_with(kLine) || kind.size() == kLine.size()) return std::nullopt;
  double bend = 0.0;
  const char* const end = kind.data() + kind.size();
  const auto read = std::from_chars(kind.data() + kLine.size(), end, bend);
  if (read.ec != std::errc() || read.ptr != end || bend <= 0.0 || bend >= 1.0) return std::nullopt;
  return bend;
}

/// The share at `place` in [0, 1] of what follows the warm-up.
double share_after_warmup(const std::string& kind, double place, double end) {
  constexpr double kShort = 0.05, kLong = 0.15;
  const auto line = [&](double flat) {
    return place < flat ? 1.0 : end + (1.0 - end) * (1.0 - place) / (1.0 - flat);
  };
  if (kind == "lin0") return line(kShort);
  if (kind == "lin") return line(kLong);
  if (kind == "lin00") return line(0.0);
  if (kind == "exp") return place < kLong ? 1.0 : std::pow(end, (place - kLong) / (1.0 - kLong));
  if (kind == "cos") return end + (1.0 - end) * (0.5 + 0.5 * std::cos(std::numbers::pi * place));
  const auto bend = bend_of(kind);
  if (!bend) fail<ConfigError>("\"{}\" is no schedule (expected lin0, lin, lin00, lin0.8, exp or cos)", kind);
  const double middle = (1.0 + end + (1.0 - end) * (1.0 - *bend)) / 2.0;
  if (place < *bend) return 1.0 + (middle - 1.0) * place / *bend;
  return end + (middle - end) * (1.0 - place) / (1.0 - *bend);
}

/// What the one-cycle policy (Smith & Topin 2019, in PyTorch's form) moves along two half cosines: from
/// `start` to `peak` within the first share of all steps, then to `end`.
double one_cycle(double peak_share, int64_t step, int64_t total_steps, double start, double peak,
                 double end) {
  const auto along = [](double from, double to, double place) {
    return to + (from - to) * 0.5 * (1.0 + std::cos(std::numbers::pi * place));
  };
  const double top = peak_share * static_cast<double>(total_steps) - 1.0;
  const auto now = static_cast<double>(step), last = static_cast<double>(total_steps - 1);
  if (top > 0.0 && now <= top) return along(start, peak, now / top);
  return last > top ? along(peak, end, std::min(1.0, (now - top) / (last - top))) : peak;
}

bool is_annealing(const std::string& lradj) {
  return lradj == "lin0" || lradj == "lin" || lradj == "lin00" || lradj == "exp" || lradj == "cos";
}

}  // namespace

double annealed_share(const Annealing& annealing, int64_t step) {
  const double start = annealing.warmup_start;
  const auto behind = static_cast<double>(step - annealing.warmup_steps);
  if (behind < 0.0)
    return start + (1.0 - start) * static_cast<double>(step) / static_cast<double>(annealing.warmup_steps);
  const auto span = static_cast<double>(annealing.total_steps - 1 - annealing.warmup_steps);
  const double place = span > 0.0 ? std::min(behind / span, 1.0) : 1.0;
  return share_after_warmup(annealing.kind, place, annealing.end);
}

double half_cosine(double from, double to, int64_t step, int64_t total_steps) {
  const double place = static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, total_steps - 1));
  return to + (from - to) * (0.5 + 0.5 * std::cos(std::numbers::pi * std::min(place, 1.0)));
}

double weight_decay(const TrainingOptions& options, int64_t step, int64_t total_steps) {
  if (!options.final_weight_decay) return options.weight_decay;
  return half_cosine(options.weight_decay, *options.final_weight_decay, step, total_steps);
}

double learning_rate(const TrainingOptions& options, int64_t step, int64_t steps_per_epoch,
                     int64_t total_steps) {
  if (is_annealing(options.lradj)) {
    const Annealing annealing{options.lradj, options.warmup_steps, total_steps, options.warmup_start,
                              options.min_learning_rate / options.learning_rate};
    return options.learning_rate * annealed_share(annealing, step);
  }
  if (options.lradj == "one_cycle") {
    constexpr double kStartDivisor = 25.0, kEndDivisor = 1e4;
    const double start = options.learning_rate / kStartDivisor;
    return one_cycle(options.pct_start, step, total_steps, start, options.learning_rate, start / kEndDivisor);
  }
  if (step < options.warmup_steps) {
    return options.learning_rate * static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps);
  }
  if (options.lradj == "cosine" || options.lradj == "linear") {
    const auto span = static_cast<double>(std::max<int64_t>(1, total_steps - options.warmup_steps));
    const double progress = std::min(1.0, static_cast<double>(step - options.warmup_steps) / span);
    const double range = options.learning_rate - options.min_learning_rate;
    if (options.lradj == "linear") return options.min_learning_rate + range * (1.0 - progress);
    return options.min_learning_rate + range * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  }
  return epoch_rate(options, step / std::max<int64_t>(1, steps_per_epoch));
}

double first_beta(const TrainingOptions& options, int64_t step, int64_t total_steps) {
  if (options.lradj != "one_cycle") return options.betas[0];
  constexpr double kHighest = 0.95, kLowest = 0.85;
  return one_cycle(options.pct_start, step, total_steps, kHighest, kLowest, kHighest);
}

}  // namespace arzoo::runtime
