#include <filesystem>

#include "runtime/named_tensors.h"
#include "speech/cassnat_model.h"
#include "speech/commands/transcribe_command.h"
#include "speech/paraformer_model.h"
#include "speech/time_stamp_files.h"
#include "support/tasks.h"
#include "support/wav.h"

using namespace arzoo;
using namespace arzoo::speech;
using test::TempDir;

namespace {

ParaformerOptions small(const std::string& decoder = "ParaformerSANMDecoder") {
  ParaformerOptions o;
  o.encoder_conf.output_size = 16;
  o.encoder_conf.attention_heads = 2;
  o.encoder_conf.linear_units = 24;
  o.encoder_conf.num_blocks = 2;
  o.encoder_conf.kernel_size = 3;
  o.decoder = decoder;
  o.decoder_conf.attention_heads = 2;
  o.decoder_conf.linear_units = 24;
  o.decoder_conf.num_blocks = 2;
  o.decoder_conf.att_layer_num = 1;
  o.decoder_conf.kernel_size = 3;
  o.model_conf.ctc_weight = 0.3;
  o.model_conf.predictor_weight = 1.0;
  o.input_size = 12;
  o.vocab_size = 11;
  return o;
}

std::filesystem::path published() { return test::source_dir() / "tests/fixtures/paraformer/model_dir"; }

Json transcribed(plan::TranscribeTask task) {
  task.compute.device = "cpu";
  SilentProgress progress;
  return run_transcribe(task, {progress, test::kNeverStop, nullptr});
}

}  // namespace

TEST_CASE("an utterance is recognised the same whatever stands beside it") {
  torch::manual_seed(3);
  Paraformer model(small());
  model.initialise();
  model.eval();
  const c10::InferenceMode inference;
  const auto features = at::randn({2, 30, 12});
  features[1].narrow(0, 19, 11).zero_();
  const auto together = model.recognise(features, at::tensor({30, 19}, at::kLong));
  const auto alone = model.recognise(features.narrow(0, 1, 1).narrow(1, 0, 19), at::tensor({19}, at::kLong));
  CHECK(together[1].ids == alone[0].ids);
  CHECK(together[1].times.size() == together[1].ids.size());
}

TEST_CASE("in training as many tokens fire as there are") {
  torch::manual_seed(4);
  const auto targets = at::tensor({3, 7, 5}, at::kLong);
  const auto hidden = at::randn({3, 40, 4});
  auto weights = at::rand({3, 40}) * 0.3;
  weights = weights * (targets.to(at::kFloat) / weights.sum(1)).unsqueeze(1);
  CHECK(at::equal(fire_by_prefix_sums(hidden, weights, kTrainingSlack).counts, targets));
  CHECK(at::equal(fire_by_loop(hidden, weights, 1.0, kTrainingSlack).counts, targets));
  // Both forms make the same tokens.
  CHECK(at::allclose(fire_by_prefix_sums(hidden, weights, kTrainingSlack, 7).embeds,
                     fire_by_loop(hidden, weights, 1.0, kTrainingSlack, 7).embeds, 1e-4, 1e-4));
}

TEST_CASE("no weight, no token: the text is empty") {
  const auto hidden = at::randn({1, 6, 4});
  CHECK(fire_by_prefix_sums(hidden, at::zeros({1, 6}), 0.0).embeds.size(1) == 0);
  CHECK(fire_by_loop(hidden, at::zeros({1, 6}), 1.0, 0.0).embeds.size(1) == 0);
}

TEST_CASE("the autoregressive decoder writes what it would predict") {
  torch::manual_seed(5);
  AutoregressiveDecoder decoder(16, 11, small().decoder_conf);
  initialise_default(decoder);
  decoder.eval();
  const c10::InferenceMode inference;
  const Encoded encoded{at::randn({1, 9, 16}), at::tensor({9}, at::kLong), {}};
  const auto written = decoder.write(encoded, 6).front().first;
  std::vector<int64_t> read{1};
  read.insert(read.end(), written.begin(), written.end());
  const auto again = decoder.forward(encoded, at::tensor(read, at::kLong).unsqueeze(0)).argmax(-1)[0];
  for (std::size_t i = 0; i < written.size(); ++i)
    CHECK(again[static_cast<int64_t>(i)].item<int64_t>() == written[i]);
}

TEST_CASE("each kind of recogniser learns and writes") {
  torch::manual_seed(6);
  auto options = small();
  SECTION("parallel") {}
  SECTION("autoregressive") { options = small("AutoregressiveDecoder"); }
  SECTION("a CTC head") { options.model_conf.ctc_weight = 1.0; }
  SECTION("a conformer") {
    options.encoder = "ConformerEncoder";
    options.encoder_conf.cnn_module_kernel = 3;
  }
  Paraformer model(options);
  model.initialise();
  const SpeechBatch batch{at::randn({2, 40, 12}), at::tensor({40, 33}, at::kLong),
                          at::tensor({4, 5, 6, 7, 8, -1}, at::kLong).view({2, 3}),
                          at::tensor({3, 2}, at::kLong)};
  torch::optim::Adam optimizer(model.parameters(), 3e-3);
  double first = 0.0, last = 0.0;
  for (int step = 0; step < 40; ++step) {
    optimizer.zero_grad();
    const auto loss = model.loss(batch).total;
    loss.backward();
    optimizer.step();
    (step == 0 ? first : last) = loss.item<double>();
  }
  CHECK(last < 0.8 * first);
  model.eval();
  const c10::InferenceMode inference;
  const auto heard = model.recognise(batch.features, batch.lengths);
  REQUIRE(heard.size() == 2);
  for (const auto& one : heard) {
    CHECK(one.confidence.size() == one.ids.size());
    CHECK(one.times.size() == one.ids.size());
  }
}

TEST_CASE("a token sees the frames behind the start of the one before it up to its own start") {
  const Aligned aligned{at::tensor({0, 5, 0, 7, 0, 0}, at::kLong).unsqueeze(0), at::tensor({2}, at::kLong),
                        2};
  const auto mask = trigger_mask(aligned, {}, at::tensor({6}, at::kLong));
  const auto expected = at::tensor({1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1}, at::kLong)
                            .view({1, 3, 6})
                            .to(at::kBool);
  CHECK(at::equal(mask, expected));
  CHECK_THROWS_WITH(
      viterbi_alignment(at::zeros({1, 2, 9}), at::tensor({2}, at::kLong),
                        at::tensor({1, 2, 3}, at::kLong).unsqueeze(0), at::tensor({3}, at::kLong)),
      ContainsSubstring("utterance 0 has 3 tokens but only 2 frames"));
}

TEST_CASE("a published folder is transcribed as it is") {
  const auto result =
      transcribed({.model = published(), .inputs = {published() / "utt0.wav", published() / "utt1.wav"}});
  CHECK(result["recordings"] == 2);
  CHECK(result["lines"][0]["text"] == "在");
  CHECK(result["lines"][1]["text"] == "在的不不");
  CHECK(result["lines"][1]["tokens"].size() == 4);
  CHECK(result["lines"][1]["tokens"][0]["begin"].get<double>() <=
        result["lines"][1]["tokens"][0]["end"].get<double>());
}

TEST_CASE("what is heard of a recording does not depend on the others of its batch") {
  const auto opened = open_speech_model(test::source_dir() / "data/speech/digits", {});
  REQUIRE(opened.frames_behind == kFramesBehind);
  torch::manual_seed(3);
  const auto width = opened.front_end.width();
  const auto brief = 2.0 * at::randn({1, 40, width}), lengthy = at::randn({1, 55, width});
  const auto recognised = [&](const at::Tensor& features, std::vector<int64_t> lengths) {
    const c10::InferenceMode inference;
    opened.model->eval();
    return opened.model->recognise(with_frames_behind(features, opened.frames_behind), at::tensor(lengths));
  };
  const auto alone = recognised(brief, {40}).front();
  const auto together =
      recognised(at::cat({at::constant_pad_nd(brief, {0, 0, 0, 15}), lengthy}), {40, 55}).front();
  REQUIRE_FALSE(alone.ids.empty());
  CHECK(together.ids == alone.ids);
  REQUIRE(together.confidence.size() == alone.confidence.size());
  for (std::size_t i = 0; i < alone.confidence.size(); ++i)
    CHECK(together.confidence[i] == Approx(alone.confidence[i]).margin(1e-4));
}

TEST_CASE("the bundled recogniser writes down the bundled recording") {
  const auto data = test::source_dir() / "data/speech";
  const auto result = transcribed({.model = data / "digits", .inputs = {data / "recorded_digits.wav"}});
  const auto text = result["lines"][0]["text"].get<std::string>();
  // It says "two nine three four zero", slowly, and a slow word is heard twice.
  CHECK_THAT(text, Catch::StartsWith("two nine three") && Catch::EndsWith("zero"));
}

TEST_CASE("a manifest's texts are compared, and recordings that fail are told at the end") {
  const TempDir temp;
  const auto wav = (published() / "utt1.wav").string();
  const auto result = transcribed({.model = published(),
                                   .manifest = temp.write("m.tsv", wav + "\t在的不\n"),
                                   .output = temp / "o.jsonl"});
  CHECK(result["errors"]["insertions"] == 1);
  CHECK(result["errors"]["reference_tokens"] == 3);
  CHECK(test::count_of(test::read_file(temp / "o.jsonl"), "\n") == 1);
  CHECK_THROWS_WITH(
      transcribed({.model = published(), .inputs = {wav, temp.write("bad.wav", "RIFF")}}),
      ContainsSubstring("1 of 2 recordings failed, the first: ") && ContainsSubstring("bad.wav"));
}

TEST_CASE("time stamps are written as a table, as subtitles and for Praat") {
  const TempDir temp;
  for (const std::string name : {"t.tsv", "t.srt", "t.TextGrid"})
    transcribed({.model = published(), .inputs = {published() / "utt1.wav"}, .timestamps = temp / name});
  CHECK(test::read_file(temp / "t.tsv").starts_with("file\tbegin\tend\ttoken\tconfidence\n"));
  CHECK(test::count_of(test::read_file(temp / "t.tsv"), "\n") == 5);
  CHECK(test::read_file(temp / "t.srt").starts_with("1\n00:00:0"));
  CHECK(test::read_file(temp / "t.TextGrid").find("IntervalTier") != std::string::npos);
  CHECK_THROWS_WITH(transcribed({.model = published(),
                                 .inputs = {published() / "utt0.wav", published() / "utt1.wav"},
                                 .timestamps = temp / "t.srt"}),
                    ContainsSubstring("2 recordings, expected one (NAME.tsv takes any number)"));
}

TEST_CASE("a damaged published folder is refused by file") {
  const TempDir temp;
  const auto folder = temp / "model";
  std::filesystem::copy(published(), folder);
  plan::TranscribeTask task{.model = folder, .inputs = {published() / "utt0.wav"}};
  SECTION("fewer tokens than the output layer writes") {
    temp.write("model/tokens.json", "[\"<blank>\", \"<s>\", \"</s>\", \"a\"]");
    CHECK_THROWS_AS(transcribed(task), CheckpointError);
  }
  SECTION("am.mvn of another size") {
    temp.write("model/am.mvn",
               "<AddShift> 2 2\n<LearnRateCoef> 0 [ 1 2 ]\n<Rescale> 2 2\n<LearnRateCoef> 0 [ 1 2 ]\n");
    CHECK_THROWS_WITH(transcribed(task), ContainsSubstring("am.mvn: 2 numbers, expected 280"));
  }
  SECTION("a path out of the folder") {
    temp.write("model/configuration.json", R"({"file_path_metas": {"init_param": "../model.pt"}})");
    CHECK_THROWS_WITH(transcribed(task), ContainsSubstring("expected the name of a file in the folder"));
  }
  SECTION("another model") {
    temp.write("model/config.yaml", "model: BiCifParaformer\n");
    CHECK_THROWS_WITH(transcribed(task), ContainsSubstring("is not supported, expected Paraformer"));
  }
}
