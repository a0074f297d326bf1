#include "distill/student.h"

#include "core/zoo.h"
#include "distill/dd1_student.h"
#include "distill/dd2_student.h"
#include "runtime/memory_budget.h"

namespace arzoo::distill {

void Student::take_teacher(std::shared_ptr<image::Var>, const image::VarSampling&, int64_t) {
  fail<UsageError>("--teacher: only a student of Distilled Decoding 1 whose noise is mapped takes its help");
}

image::VarOptions teacher_options(const Config& model) {
  const auto name = model.text("name");
  if (name == Dd1VarOptions::kName) return model_options<Dd1VarOptions>(model).var;
  if (name == Dd2VarOptions::kName) return model_options<Dd2VarOptions>(model).var;
  model.at("name").reject(fmt::format("no student is called \"{}\"", name));
}

std::unique_ptr<Student> build_student(const Config& model, image::Vqvae& vae, bool training) {
  const auto name = model.text("name");
  return runtime::within_memory(model, [&]() -> std::unique_ptr<Student> {
    if (name == Dd1VarOptions::kName)
      return std::make_unique<Dd1Student>(model_options<Dd1VarOptions>(model), vae);
    if (name == Dd2VarOptions::kName)
      return std::make_unique<Dd2Student>(model_options<Dd2VarOptions>(model), vae, training);
    model.at("name").reject(fmt::format("no student is called \"{}\"", name));
  });
}

}  // namespace arzoo::distill
