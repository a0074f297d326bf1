#pragma once

#include "distill/helping_teacher.h"
#include "image/image_generator.h"

/// What draws pictures, of whatever family.
namespace arzoo::tasks {

/// Opens a model of the image family, or a distilled student, which a teacher may help. Throws
/// CheckpointError, ConfigError, UsageError (options that do not go with the model).
std::unique_ptr<image::ImageGenerator> open_generator(const image::GeneratorSource& source,
                                                      const image::GenerationOptions& options,
                                                      const runtime::Compute& compute,
                                                      const distill::HelpingTeacher& teacher = {});

/// One with random weights from the default generator, to be measured: as image::random_generator, or a
/// student. `defaults` decide what the options leave open.
std::unique_ptr<image::ImageGenerator> random_generator(const std::vector<Config>& models,
                                                        std::optional<int64_t> draft_steps,
                                                        const image::GenerationOptions& options,
                                                        const runtime::Compute& compute,
                                                        const image::SamplingDefaults& defaults = {});

}  // namespace arzoo::tasks
