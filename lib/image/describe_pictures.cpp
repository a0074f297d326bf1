#include "image/describe_pictures.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>

#include "core/stop.h"
#include "image/latent_tokens.h"
#include "image/measured_captions.h"
#include "image/mmar_generator.h"
#include "image/ready_models.h"
#include "io/picture_file.h"
#include "kernels/quantized_weights.h"
#include "nn/diagonal_gaussian.h"
#include "runtime/parameter_count.h"
#include "runtime/picture_tensor.h"

namespace arzoo::image {
namespace {

namespace fs = std::filesystem;

/// A model and its tokenizer, ready, that reads pictures.
class PictureReader {
 public:
  PictureReader(const LatentParts<Mmar>& parts, const plan::GenerateTextTask& task,
                const runtime::Compute& compute)
      : parts_(parts),
        device_(compute.device),
        quantized_(make_ready(*parts.model, *parts.vae, compute)),
        most_(task.max_tokens),
        texts_(task.prompts),
        choices_(captions_of_texts(parts.model->options(), task.prompts)) {}

  /// {"prompt": file, "text", "ids", "stop", "log_probability"}; with choices, "choices" in place of the
  /// last.
  Json read(const fs::path& file) const {
    const kernels::QuantizedScope scope(quantized_.get());
    const auto tokens = tokens_in(file);
    Json said{{"prompt", file.string()}};
    if (!texts_.empty()) return judge(tokens, std::move(said));
    const auto& options = parts_.model->options();
    const auto ids = describe_tokens(*parts_.model, tokens, most_)[0].cpu();
    const bool ends = ids.size(0) > 0 && ids[-1].item<int64_t>() == options.special_tokens.eos;
    const int64_t words = ids.size(0) - (ends ? 1 : 0);
    said["text"] = caption_text(options, ids);
    said["ids"] =
        std::vector<int64_t>(ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.size(0));
    said["stop"] = ends ? "eos" : "length";
    const Captions caption{ids.narrow(0, 0, words).unsqueeze(0).to(device_),
                           at::full({1}, words, at::kLong).to(device_)};
    said["log_probability"] = caption_scores(*parts_.model, tokens, caption)[0][0].item<double>();
    return said;
  }

 private:
  /// The image tokens of a picture, [1, N, C].
  at::Tensor tokens_in(const fs::path& file) const {
    const auto picture = io::read_picture(file);
    const int64_t side = parts_.model->options().img_size;
    if (picture.width != side || picture.height != side)
      fail<DataError>("{}: {} x {} pixels, expected {} x {} as the model's", file.string(), picture.width,
                      picture.height, side, side);
    const auto moments = parts_.vae->moments(runtime::tensor_of(picture).to(device_));
    return tokens_of_grid(nn::DiagonalGaussian::of_moments(moments, 1).mean * parts_.vae->latent_scale());
  }

  /// The choices, the likeliest first.
  Json judge(const at::Tensor& tokens, Json said) const {
    const Captions captions{choices_.words.to(device_), choices_.lengths.to(device_)};
    const auto scores = caption_scores(*parts_.model, tokens, captions)[0].cpu();
    const auto shares = at::softmax(scores.to(at::kDouble), 0),
               order = scores.argsort(0, /*descending=*/true);
    said["choices"] = Json::array();
    for (int64_t i = 0; i < order.size(0); ++i) {
      const auto place = order[i].item<int64_t>();
      said["choices"].push_back({{"text", texts_[static_cast<std::size_t>(place)]},
                                 {"log_probability", scores[place].item<double>()},
                                 {"probability", shares[place].item<double>()}});
    }
    said["text"] = said["choices"][0]["text"];
    return said;
  }

  const LatentParts<Mmar>& parts_;
  at::Device device_;
  std::shared_ptr<kernels::QuantizedWeights> quantized_;
  int64_t most_;
  const std::vector<std::string>& texts_;
  Captions choices_;
};

}  // namespace

Json run_describe_pictures(const plan::GenerateTextTask& task, const runtime::CommandContext& context) {
  if (!task.image) fail<UsageError>("--image: needed, a model of this kind describes pictures");
  if (task.output || task.stream)
    fail<UsageError>("{}: means nothing with --image (--json prints all of it)",
                     task.output ? "--output" : "--stream");
  const auto compute =
      runtime::select_compute(task.compute.device, task.compute.dtype, task.compute.quantize);
  runtime::set_threads(task.compute.threads);
  runtime::ImageSource source;
  source.model = task.model;
  const auto parts = open_mmar_parts(source, compute.dtype);
  const auto files = io::pictures_of(*task.image);
  if (task.dry_run) {
    return {{"plan", {{"parameters", runtime::count_parameters(*parts.model).all}, {"texts", files.size()}}}};
  }
  const torch::NoGradGuard no_grad;
  const PictureReader reader(parts, task, compute);
  const auto start = std::chrono::steady_clock::now();
  Json texts = Json::array();
  context.progress.begin("pictures", static_cast<int64_t>(files.size()));
  for (const auto& file : files) {
    texts.push_back(reader.read(file));
    context.progress.step();
    stop_if_asked(context.stop, "describing pictures");
  }
  context.progress.end();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {{"texts", std::move(texts)}, {"seconds", seconds}};
}

}  // namespace arzoo::image
