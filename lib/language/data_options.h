#pragma once

#include <optional>
#include <string>

#include "core/config.h"

/// The "data" and "evaluation" sections of a language model's config. No torch in here.
namespace arzoo::language {

struct DataOptions {
  std::string path;
  std::string tokenizer = "bytes";
  std::string tokens;
  int64_t context = 128;
  std::string windows = "packed";
  std::optional<int64_t> end_of_text;
  double validation_part = 0.05;
  double test_part = 0.05;

  static void fields(auto& o, auto& field) {
    field("path", o.path, a_path(),
          "text to train on, relative to the config file: a .txt file, a .jsonl file whose lines have a "
          "\"text\", either of them gzipped, or a folder of such files, in the order of their names");
    field("tokenizer", o.tokenizer, a_path(),
          "\"bytes\", or a tokenizer.json, a vocab.json beside its merges.txt, a SentencePiece .model, or a "
          "folder with one of them, relative to the config file");
    field("tokens", o.tokens, {},
          "file of the text's ids, which is made where it is not there or of another text, and then mapped "
          "into "
          "memory instead of reading the text; relative to the current directory; empty: the ids are made "
          "anew for "
          "each run, in memory");
    field("context", o.context, between(2, 1 << 20), "tokens that a training row predicts");
    field(
        "windows", o.windows, one_of({"packed", "documents"}),
        "packed: rows are cut from all documents, one behind the other; documents: each row lies within one "
        "document, the first at its beginning, and what is left of a document after its last whole row is "
        "not used");
    field("end_of_text", o.end_of_text, at_least(0),
          "id put behind each document; the tokenizer's own when not given");
    field("validation_part", o.validation_part, from_below(0, 1),
          "share of the tokens, the last ones, that validates");
    field("test_part", o.test_part, from_below(0, 1), "share of the tokens, those before them, that tests");
  }
  bool by_document() const { return windows == "documents"; }
  void check() const {
    require(validation_part + test_part < 1.0,
            "validation_part ({}) and test_part ({}) leave no training text", validation_part, test_part);
  }
};

struct EvaluationOptions {
  int64_t batch_size = 32;
  int64_t max_rows = 0;
  std::string prompt = "In the beginning ";
  int64_t tokens = 200;

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, at_least(1), "rows at once; results do not depend on it");
    field("max_rows", o.max_rows, at_least(0),
          "rows of a split that are evaluated, evenly spread; 0 for all");
    field("prompt", o.prompt, {}, "what the text in the report continues");
    field("tokens", o.tokens, between(0, 10000), "tokens of that text; 0 for none");
  }
};

}  // namespace arzoo::language
