#include <torch/torch.h>

#include "speech/audio/recording.h"
#include "speech/fixture.h"
#include "speech/speech_folder.h"

namespace arzoo::speech {

void replay_model_dir(const ParityCase& fixture, ParityReport& report) {
  const auto opened =
      open_speech_model(fixture.folder / fixture.config.text("model_dir"), {.device = fixture.device});
  std::vector<std::string> wavs, texts;
  fixture.config.at("wavs").read(wavs, {});
  fixture.config.at("texts").read(texts, {});
  auto front_end = opened.front_end;
  front_end.dither = 0.0;
  const c10::InferenceMode inference;
  for (std::size_t i = 0; i < wavs.size(); ++i) {
    const auto name = wavs[i];
    const auto samples =
        read_all(*open_recording(fixture.folder / name, static_cast<int>(front_end.fs)), name, 1U << 26U);
    const auto features = features_of(at::tensor(samples, at::kFloat), front_end, opened.cmvn);
    const auto recorded = fmt::format("feats{}", i);
    // The filterbank's tolerance: its logarithms differ by that much from one implementation to another.
    report.check_value(recorded, features, fixture.input(recorded).cpu(), {1e-3, 2e-3});
    const auto heard = opened.model->recognise(
        features.unsqueeze(0).to(fixture.device),
        at::full({1}, features.size(0), at::TensorOptions(at::kLong).device(fixture.device)));
    report.check(fmt::format("token_ids{}", i), at::tensor(heard.front().ids, at::kLong));
    const bool same = i < texts.size() && opened.vocabulary.text_of(heard.front().ids) == texts[i];
    report.check_value(fmt::format("text{}", i), same ? 1.0 : 0.0, 1.0, {0, 0});
  }
}

}  // namespace arzoo::speech
