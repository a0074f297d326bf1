#include "distill/student_builder.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "distill/dd1_student.h"
#include "distill/dd2_student.h"
#include "distill/flowar_student.h"
#include "distill/mar_student.h"
#include "distill/models.h"
#include "distill/student_entry.h"
#include "image/latent_source.h"
#include "image/var_source.h"
#include "image/weight_kind.h"
#include "io/tensor_files.h"
#include "runtime/memory_budget.h"

namespace arzoo::distill {
namespace {

namespace fs = std::filesystem;

/// What only a student of Distilled Decoding 1 has.
constexpr std::string_view kOwnWeight = "final_layer_conti.linear.weight";
constexpr std::string_view kLevels = "layerwise_n_d_embed.0.weight";

/// The split of the published students: 5 scales of the smallest, 4 of the larger ones.
int64_t published_split(const image::VarOptions& var) {
  constexpr int64_t kSmallDepth = 16;
  const int64_t split = var.depth <= kSmallDepth ? 5 : 4;
  return std::min(split, static_cast<int64_t>(var.patch_nums.size()));
}

/// Weights of a file that holds more than the model: the rest is left alone.
void load_own(torch::nn::Module& module, const runtime::NamedTensors& weights) {
  const auto own = runtime::state_dict(module);
  runtime::load_strictly(module, weights, weights.where(),
                         [&own](std::string_view name) { return !own.contains(name); });
  make_constant(module);
}

/// The tokenizer that a teacher's kind of tokens is of.
std::shared_ptr<image::Vqvae> tokenizer_of(const image::VarOptions& teacher) {
  return std::make_shared<image::Vqvae>(teacher.vae);
}
/// Of continuous tokens.
template <class Teacher>
std::shared_ptr<image::KlVae> tokenizer_of(const Teacher& teacher) {
  return std::make_shared<image::KlVae>(teacher.vae);
}

std::shared_ptr<image::Vqvae> open_tokenizer(const image::VarOptions& teacher,
                                             const image::ModelFolder& folder,
                                             const runtime::ImageSource& source, at::ScalarType type) {
  return image::open_tokenizer(folder, folder.path, teacher.patch_nums, source.vae, type, source.state_dict);
}
template <class Teacher>
std::shared_ptr<image::KlVae> open_tokenizer(const Teacher& teacher, const image::ModelFolder& folder,
                                             const runtime::ImageSource& source, at::ScalarType type) {
  const image::FoundModel found{std::string(Teacher::kName), folder, folder.path, {}};
  return image::open_kl_vae(found, teacher.vae, source.vae, type, source.state_dict);
}

/// The student for generation; vae must outlive it.
std::unique_ptr<Student> student_of(const Dd1VarOptions& options, image::Vqvae& vae) {
  return std::make_unique<Dd1Student>(options, vae);
}
std::unique_ptr<Student> student_of(const Dd2VarOptions& options, image::Vqvae& vae) {
  return std::make_unique<Dd2Student>(options, vae, /*training=*/false);
}
std::unique_ptr<Student> student_of(const Dd1FlowArOptions& options, image::KlVae& vae) {
  return std::make_unique<FlowArStudent>(options.flowar, options.second_step, vae, /*with_guidance=*/false);
}
std::unique_ptr<Student> student_of(const Dd2FlowArOptions& options, image::KlVae& vae) {
  return std::make_unique<FlowArStudent>(options.flowar, options.second_step, vae, /*with_guidance=*/false);
}
std::unique_ptr<Student> student_of(const Dd1MarOptions& options, image::KlVae& vae) {
  return std::make_unique<MarStudent>(options.mar, options.second_step, vae);
}

template <class Options>
bool names(const Config& model) {
  return model.text("name") == Options::kName;
}

/// The student that a section names, in the tokenizer that `tokenizer` makes of its teacher's options.
template <class Tokenizer>
BuiltStudent built(const Config& model, at::ScalarType type, const Tokenizer& tokenizer) {
  const auto build = [&]<class Options>(const Options& options) -> BuiltStudent {
    const auto vae = tokenizer(options.teacher());
    auto student = student_of(options, *vae);
    student->set_type(type);
    return {vae, std::move(student)};
  };
  return runtime::within_memory(model, [&]() -> BuiltStudent {
    BuiltStudent student;
    const auto try_one = [&]<class Options>(const Options*) {
      if (names<Options>(model)) student = build(model_options<Options>(model));
    };
    std::apply([&](const auto&... options) { (try_one(&options), ...); }, Models());
    if (student.student == nullptr)
      model.at("name").reject(fmt::format("no student is called \"{}\"", model.text("name")));
    return student;
  });
}

}  // namespace

BuiltStudent build_student(const Config& model, at::ScalarType type) {
  return built(model, type, [&](const auto& teacher) {
    const auto vae = tokenizer_of(teacher);
    vae->set_type(type);
    return vae;
  });
}

std::shared_ptr<torch::nn::Module> build_any_student(const Config& model) {
  std::shared_ptr<BuiltStudent> built = std::make_shared<BuiltStudent>(build_student(model));
  // The module lives as long as the student that owns it.
  return {built, &built->student->module()};
}

BuiltStudent random_student(const Config& model, at::ScalarType type) {
  auto made = built(model, type, [&](const auto& teacher) {
    const auto vae = tokenizer_of(teacher);
    vae->set_type(type);
    vae->initialise();
    return vae;
  });
  const torch::NoGradGuard no_grad;
  for (auto& parameter : made.student->module().parameters()) parameter.normal_(0.0, 0.02);
  make_constant(*made.tokenizer);
  make_constant(made.student->module());
  return made;
}

BuiltStudent open_student(const image::ModelFolder& folder, const runtime::ImageSource& source,
                          at::ScalarType type) {
  const Config model(folder.model, (folder.path / "config.json").string(), "/model");
  auto opened =
      built(model, type, [&](const auto& teacher) { return open_tokenizer(teacher, folder, source, type); });
  load_own(opened.student->module(), runtime::open_tensors(folder.path));
  return opened;
}

BuiltStudent open_published(const runtime::ImageSource& source, at::ScalarType type) {
  const auto weights = runtime::open_tensors(source.model, image::model_state_dict(source));
  if (!weights.contains(kLevels)) {
    fail<CheckpointError>("{}: a student of Distilled Decoding 1 of {}, expected one of a VAR (no {})",
                          source.model.string(), image::in_words(image::kind_of_weights(weights.names())),
                          kLevels);
  }
  Dd1VarOptions options;
  options.var = image::var_options_of(weights);
  options.var.patch_nums.erase(options.var.patch_nums.begin());
  options.var.vae.v_patch_nums = options.var.patch_nums;
  options.loss_split_t = published_split(options.var);
  const auto vae = image::open_tokenizer(std::nullopt, source.model, options.var.patch_nums, source.vae, type,
                                         source.state_dict);
  BuiltStudent opened{vae, student_of(options, *vae)};
  opened.student->set_type(type);
  load_own(opened.student->module(), weights);
  return opened;
}

bool is_published(const fs::path& path) {
  if (!fs::is_regular_file(path)) return false;
  const auto summary = io::describe_tensors(path);
  return std::any_of(summary.tensors.begin(), summary.tensors.end(),
                     [](const auto& row) { return row.name.ends_with(kOwnWeight); });
}

}  // namespace arzoo::distill
