#pragma once

#include "distill/experiment.h"
#include "distill/student_builder.h"
#include "distill/student_generator.h"
#include "runtime/model_entry.h"

/// What the entries of this family have in common.
namespace arzoo::distill {

/// A student with a tokenizer of its own, to count its parameters.
std::shared_ptr<torch::nn::Module> build_any_student(const Config& model);

/// The entry of a student; recognises: its published files, null where there are none.
template <class Options>
runtime::ModelEntry student_entry(
    std::unique_ptr<runtime::Experiment> (*experiment)(const Config& run, const runtime::Compute& compute),
    bool (*recognises)(const std::filesystem::path& path) = nullptr) {
  return {.name = Options::kName,
          .build = &build_any_student,
          .experiment = experiment,
          .images = {recognises, &open_student_generator, &random_student_generator}};
}

}  // namespace arzoo::distill
