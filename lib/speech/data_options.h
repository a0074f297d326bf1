#pragma once

#include <string>

#include "core/config.h"
#include "speech/front_end_options.h"
#include "speech/spec_augment_options.h"

/// The "data" and "evaluation" sections of a recogniser's config. No torch in here.
namespace arzoo::speech {

/// Changes of training recordings, drawn anew in every epoch.
struct AugmentOptions {
  std::vector<double> speeds = {1.0};
  double gain = 0.0;
  double tilt = 0.0;
  double noise = 0.0;

  static void fields(auto& o, auto& field) {
    field("speeds", o.speeds, between(0.5, 2),
          "factors of the speed (and pitch) that copies of a recording have");
    field("gain", o.gain, between(0, 20),
          "most that all filters are raised or lowered by, in nepers of energy");
    field("tilt", o.tilt, between(0, 20),
          "most that the lowest and highest filters are, along a random curve");
    field(
        "noise", o.noise, between(0, 20),
        "nepers below an utterance's mean energy at which added noise lies at the loudest; 0: none is added");
  }
  void check() const { require(!speeds.empty(), "speeds is empty, expected factors such as 1.0"); }
};

struct DataOptions {
  std::string train;
  std::string val;
  std::string test;
  std::string tokens;
  std::string tokenizer = "words";
  FrontEndOptions frontend_conf;
  AugmentOptions augment;
  SpecAugmentOptions specaug_conf;
  double max_seconds = 30.0;

  static void fields(auto& o, auto& field) {
    field("train", o.train, a_path(),
          "manifest to train on, relative to the config file: a line for each recording, its path, which is "
          "relative to the manifest, a tab, and what is said in it");
    field("val", o.val, a_path(), "manifest that validates; empty: every 20th recording of train");
    field("test", o.test, a_path(), "manifest that tests; empty for none");
    field("tokens", o.tokens, a_path(),
          "tokens.json or tokens.txt, with the special tokens first; empty: those of the training labels");
    field("tokenizer", o.tokenizer, one_of({"words", "characters"}), "what a token of a label is");
    field("frontend_conf", o.frontend_conf, {}, "from samples to features");
    field("augment", o.augment, {}, "changes of training recordings");
    field("specaug_conf", o.specaug_conf, {}, "masks over training features");
    field("max_seconds", o.max_seconds, between(0.1, 3600), "longer recordings are left out of training");
  }
};

struct EvaluationOptions {
  int64_t batch_size = 16;
  int64_t max_items = 0;
  int64_t shown = 5;
  double silence = 0.0;

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, at_least(1), "recordings at once");
    field("max_items", o.max_items, at_least(0),
          "recordings of a split that are evaluated, evenly spread; 0 for all");
    field("shown", o.shown, between(0, 1000), "recordings that the report shows");
    field("silence", o.silence, between(0, 60),
          "seconds of silence put behind every recording that is evaluated");
  }
};

}  // namespace arzoo::speech
