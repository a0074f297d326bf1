#include "tasks/generators.h"

#include "distill/student_builder.h"
#include "distill/student_generator.h"
#include "plan/catalog.h"

namespace arzoo::tasks {

std::unique_ptr<image::ImageGenerator> open_generator(const image::GeneratorSource& source,
                                                      const image::GenerationOptions& options,
                                                      const runtime::Compute& compute,
                                                      const distill::HelpingTeacher& teacher) {
  if (distill::is_student(source)) return distill::open_generator(source, options, compute, teacher);
  if (!teacher.model.empty()) fail<UsageError>("--teacher: {} is no student", source.model.string());
  return image::open_generator(source, options, compute);
}

std::unique_ptr<image::ImageGenerator> random_generator(const std::vector<Config>& models,
                                                        std::optional<int64_t> draft_steps,
                                                        const image::GenerationOptions& options,
                                                        const runtime::Compute& compute,
                                                        const image::SamplingDefaults& defaults) {
  const bool student = models.size() == 1 &&
                       plan::find_model(models.front().at("name")).family.name == std::string_view("distill");
  if (student) return distill::random_generator(models.front(), options, compute);
  return image::random_generator(models, draft_steps, options, compute, defaults);
}

}  // namespace arzoo::tasks
