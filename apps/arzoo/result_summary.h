#pragma once

#include <string>

#include "core/config.h"

/// The results of the tasks as text for people. The documents are those that the tasks describe; a key that
/// is missing is left out.
namespace arzoo::cli {

std::string train_summary(const Json& result);
/// `train --init-only`.
std::string initial_model_summary(const Json& result);
std::string forecast_summary(const Json& result);
std::string generate_image_summary(const Json& result);
std::string generate_3d_summary(const Json& result);
/// The texts themselves; nothing of texts that stdout has already.
std::string generate_text_summary(const Json& result);
std::string score_summary(const Json& result);
std::string embed_text_summary(const Json& result);
std::string transcribe_summary(const Json& result);
std::string encode_summary(const Json& result);
std::string decode_summary(const Json& result);
/// Of a checkpoint its tensors, of a picture what is written in it, of a tokenizer the pieces of the texts.
std::string inspect_summary(const Json& result);
std::string convert_summary(const Json& result);
std::string parity_summary(const Json& result);
/// Of what `bench` leaves: its Markdown, or else all fields.
std::string suite_summary(const Json& result);
/// The "plan" of a dry run.
std::string plan_summary(const Json& result);

}  // namespace arzoo::cli
