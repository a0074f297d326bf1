#pragma once

#include "icl/experiment.h"
#include "icl/study.h"
#include "icl/zoo.h"
#include "runtime/model_entry.h"

/// What the entries of this family have in common.
namespace arzoo::icl {

/// A learner with the family's default data, to count its parameters: no graph is sampled for it.
template <class Options>
std::shared_ptr<torch::nn::Module> build_learner(const Config& model) {
  constexpr int64_t kBlock = 64;
  return build(model, {.data = {}, .seed = 0, .block_size = kBlock});
}

Json resolve_study(const Config& options);
/// Runs one study and gathers what it found; the form of runtime::Study::run.
Json run_study(void (*study)(const Subject&, StudyRecord&), const Config& options, const Config& run,
               const std::filesystem::path& model, const std::filesystem::path& out, Progress& progress);

template <void (*kStudy)(const Subject&, StudyRecord&)>
runtime::Study study_of() {
  return {&resolve_study, [](const Config& options, const Config& run, const std::filesystem::path& model,
                             const std::filesystem::path& out, Progress& progress) {
            return run_study(kStudy, options, run, model, out, progress);
          }};
}

}  // namespace arzoo::icl
