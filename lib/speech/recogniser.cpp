#include "speech/recogniser.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>

#include "kernels/packed_weights.h"

namespace arzoo::speech {

double Transcript::confidence() const {
  if (tokens.empty()) return 1.0;
  double sum = 0.0;
  for (const auto& token : tokens) sum += token.confidence;
  return sum / static_cast<double>(tokens.size());
}

void Transcript::append(const Transcript& piece) {
  if (!text.empty() && !piece.text.empty() && static_cast<unsigned char>(piece.text.front()) < 0x80)
    text += ' ';
  text += piece.text;
  tokens.insert(tokens.end(), piece.tokens.begin(), piece.tokens.end());
  seconds += piece.seconds;
  compute_seconds += piece.compute_seconds;
  pieces += piece.pieces;
}

Recogniser::Recogniser(const std::filesystem::path& model, const runtime::Compute& compute)
    : opened_(open_speech_model(model, compute)), compute_(compute) {
  if (compute.quantizes()) {
    kernels::pack_quantized_for_inference(*opened_.model, compute.quantization);
    quantized_ = kernels::quantized_weights(*opened_.model, compute.quantization);
  } else if (compute.device.is_cpu()) {
    kernels::pack_for_inference(*opened_.model);
  }
}

Transcript Recogniser::piece(const std::vector<float>& samples, double begin) const {
  Transcript transcript{.begin = begin,
                        .seconds = static_cast<double>(samples.size()) / rate(),
                        .text = {},
                        .tokens = {},
                        .pieces = 1};
  const auto start = std::chrono::steady_clock::now();
  if (samples.size() < 2 || frames_of(static_cast<int64_t>(samples.size()), opened_.front_end) < 1)
    return transcript;
  const c10::InferenceMode inference;
  const kernels::QuantizedScope scope(quantized_.get());
  auto front_end = opened_.front_end;
  front_end.dither = 0.0;
  const auto wave =
      at::from_blob(const_cast<float*>(samples.data()), {static_cast<int64_t>(samples.size())}, at::kFloat);
  auto features = features_of(wave, front_end, opened_.cmvn);
  if (features.size(0) < opened_.model->fewest_frames(0)) return transcript;
  const auto lengths = at::full({1}, features.size(0), at::TensorOptions(at::kLong).device(compute_.device));
  features =
      with_frames_behind(features.unsqueeze(0), opened_.frames_behind).to(compute_.device, compute_.dtype);
  const auto heard = opened_.model->recognise(features, lengths).front();
  const double frame = opened_.front_end.seconds_per_frame();
  std::vector<int64_t> ids;
  for (std::size_t i = 0; i < heard.ids.size(); ++i) {
    const auto id = heard.ids[i];
    if (id < 0 || id >= opened_.vocabulary.size()) continue;
    ids.push_back(id);
    const auto seconds = [&](double frames) { return begin + std::min(frames * frame, transcript.seconds); };
    transcript.tokens.push_back({opened_.vocabulary.token(id), id, seconds(heard.times[i].first),
                                 seconds(heard.times[i].second), heard.confidence[i]});
  }
  transcript.text = opened_.vocabulary.text_of(ids);
  transcript.compute_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return transcript;
}

Transcript Recogniser::recording(Samples& samples, std::optional<double> longest,
                                 const std::atomic<bool>& stop,
                                 const std::function<void(const Transcript&)>& heard) const {
  Cutter cutter(samples, rate(), longest.value_or(opened_.longest));
  Transcript all;
  for (Piece own; cutter.next(own);) {
    if (stop.load()) fail<Interrupted>("interrupted after {:.1f} s of the recording", all.seconds);
    const auto transcript = piece(own.samples, static_cast<double>(own.begin) / rate());
    if (heard) heard(transcript);
    all.append(transcript);
  }
  return all;
}

}  // namespace arzoo::speech
