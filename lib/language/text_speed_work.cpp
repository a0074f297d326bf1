#include "language/text_speed_work.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "language/data_options.h"
#include "language/decoder_lm_model.h"
#include "language/ready_model.h"
#include "nn/storage_type.h"
#include "runtime/gemm_peak.h"
#include "runtime/memory_budget.h"

namespace arzoo::language {
namespace {

/// A generation whose prompt has been read once; it can begin again behind the prompt.
class PromptedStream : public nn::TokenStream {
 public:
  PromptedStream(DecoderModel& model, const at::Tensor& prompt, int64_t capacity)
      : model_(model), cache_(model.layers(), capacity), prompt_(prompt.size(1)), first_(next(prompt)) {}

  /// Forgets what came after the prompt.
  void restart() {
    cache_.truncate(prompt_);
    begins_ = true;
  }
  at::Tensor read(const at::Tensor& ids) override {
    return std::exchange(begins_, false) ? first_ : next(ids);
  }

 private:
  at::Tensor next(const at::Tensor& ids) {
    return model_.head(model_.hidden(ids, {.cache = &cache_}).select(1, -1));
  }

  DecoderModel& model_;
  nn::DecoderCache cache_;
  int64_t prompt_;
  at::Tensor first_;
  bool begins_ = true;
};

class TextWork : public runtime::SpeedWork {
 public:
  TextWork(const runtime::SpeedRequest& request, const runtime::Compute& compute)
      : compute_(compute),
        section_(request.run.json().at("model")),
        context_(request.run.at("data").as<DataOptions>().context),
        tokens_(request.run.at("evaluation").as<EvaluationOptions>().tokens),
        generates_(request.work == "generate") {
    const auto options = model_options<DecoderLmOptions>(request.run.at("model"));
    if (options.is_gpt2() && options.max_position_embeddings < context_ + tokens_)
      request.run.at("model").reject(fmt::format("max_position_embeddings is {}, expected at least {}",
                                                 options.max_position_embeddings, context_ + tokens_));
    model_ =
        runtime::within_memory(request.run.at("model"), [&] { return std::make_shared<DecoderLm>(options); });
    nn::set_storage_type(*model_, compute.dtype);
    model_->initialise();
    model_->to(compute.device);
    quantized_ = make_ready(*model_, compute);
    const c10::InferenceMode inference;
    prompt_ = at::randint(options.vocab_size, {request.batch_size, context_}, at::kLong).to(compute.device);
    rules_.sampling.temperature = 0.0;
    if (!generates_) return;
    const kernels::QuantizedScope scope(quantized_.get());
    stream_ = std::make_unique<PromptedStream>(*model_, prompt_, context_ + tokens_);
  }

  void run() override {
    const c10::InferenceMode inference;
    const kernels::QuantizedScope scope(quantized_.get());
    if (generates_) {
      stream_->restart();
      nn::SeededRandomInputs random_inputs(std::vector<uint64_t>(static_cast<std::size_t>(prompt_.size(0))));
      nn::decode_tokens(*stream_, prompt_, tokens_ + 1, rules_, random_inputs);
    } else {
      model_->stream(context_)->read(prompt_);
    }
    runtime::finish_device_work(compute_);
  }
  Json reference_request() const override {
    return {{"model", section_}, {"shape", {{"context", context_}, {"tokens", tokens_}}}};
  }

 private:
  runtime::Compute compute_;
  Json section_;
  int64_t context_, tokens_;
  bool generates_;
  std::shared_ptr<DecoderLm> model_;
  std::unique_ptr<kernels::QuantizedWeights> quantized_;
  at::Tensor prompt_;
  nn::DecodingRules rules_;
  std::unique_ptr<PromptedStream> stream_;
};

}  // namespace

std::unique_ptr<runtime::SpeedWork> make_text_work(const runtime::SpeedRequest& request,
                                                   const runtime::Compute& compute) {
  if (request.work != "inference" && request.work != "generate") return nullptr;
  return std::make_unique<TextWork>(request, compute);
}

}  // namespace arzoo::language
