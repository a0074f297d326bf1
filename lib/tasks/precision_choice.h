#pragma once

#include <optional>

#include "core/progress.h"
#include "plan/tasks.h"
#include "runtime/precision_loss.h"

namespace arzoo::tasks {

struct KernelRates;

/// What a precision is chosen for.
struct PrecisionSubject {
  std::string model;      ///< its name; empty: not known, or several
  bool training = false;  ///< the model is trained, where only --dtype can be chosen
};

/// What stands for "auto".
struct PrecisionChoice {
  std::string dtype, quantize;
  std::string why;  ///< one line
};

bool is_automatic(const plan::ComputeOptions& compute);

/// The fastest precision among those that "auto" leaves open whose measured losses are at most 1 % together.
/// A model that was not measured in a precision computes in fp32.
PrecisionChoice choose_precision(const plan::ComputeOptions& compute, const PrecisionSubject& subject,
                                 const std::optional<runtime::PrecisionLoss>& loss, const KernelRates& rates);

/// Replaces "auto" in --dtype and --quantize, and tells --verbose what was chosen and why. Puts
/// compute.threads in force and may measure for a fraction of a second.
void settle_precision(plan::ComputeOptions& compute, const PrecisionSubject& subject, Progress& progress);

/// The name of the model in a run directory, a model folder or a published folder whose "model_type" it is;
/// empty for anything else.
std::string model_named_in(const std::filesystem::path& path);

}  // namespace arzoo::tasks
