#pragma once

#include "distill/dd1_student.h"
#include "distill/experiment.h"
#include "distill/flowar_student.h"
#include "distill/flowar_teacher.h"
#include "distill/mar_student.h"
#include "distill/mar_teacher.h"
#include "distill/var_teacher.h"

namespace arzoo::distill {

/// Distilled Decoding 1 of a VAR: cross-entropy of the tokens where the noise leads, and the squared error of
/// their vectors in multiples of the codebook's mean square. Half of the batches stand at DD time 0, half at
/// loss_split_t.
class Dd1VarExperiment : public DistillExperiment {
 public:
  Dd1VarExperiment(const Config& config, std::unique_ptr<VarTeacher> teacher,
                   const runtime::Compute& compute);
  runtime::Losses loss(int64_t batch) override;

 protected:
  Student& student() override { return student_; }

 private:
  std::unique_ptr<VarTeacher> teacher_;
  Dd1Student student_;
  double mean_square_;  ///< of the codebook's numbers
};

/// Distilled Decoding 1 of a teacher whose tokens are continuous: the mean squared error of the tokens where
/// the noise leads. Half of the batches have those given that a second step keeps.
class Dd1LatentExperiment : public DistillExperiment {
 public:
  /// mapped: the noise leads to the tokens; else it has nothing to do with them.
  Dd1LatentExperiment(const Config& config, std::unique_ptr<LatentTeacher> teacher,
                      std::unique_ptr<LatentStudent> student, bool mapped, const runtime::Compute& compute);
  runtime::Losses loss(int64_t batch) override;

 protected:
  Student& student() override { return *student_; }

 private:
  std::unique_ptr<LatentTeacher> teacher_;
  std::unique_ptr<LatentStudent> student_;
  bool mapped_;
};

}  // namespace arzoo::distill
