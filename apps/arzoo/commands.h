#pragma once

#include "invocation.h"

/// One function per command: it declares the options, and sets `invocation.action` when the command was
/// chosen.
namespace arzoo::cli {

void add_train_command(CLI::App& root, Invocation& invocation);
void add_distill_command(CLI::App& root, Invocation& invocation);
void add_tune_command(CLI::App& root, Invocation& invocation);
void add_forecast_command(CLI::App& root, Invocation& invocation);
void add_generate_image_command(CLI::App& root, Invocation& invocation);
void add_generate_3d_command(CLI::App& root, Invocation& invocation);
void add_generate_text_command(CLI::App& root, Invocation& invocation);
void add_score_command(CLI::App& root, Invocation& invocation);
void add_embed_text_command(CLI::App& root, Invocation& invocation);
void add_transcribe_command(CLI::App& root, Invocation& invocation);
void add_links_command(CLI::App& root, Invocation& invocation);
void add_encode_command(CLI::App& root, Invocation& invocation);
void add_decode_command(CLI::App& root, Invocation& invocation);
void add_bench_command(CLI::App& root, Invocation& invocation);
void add_models_command(CLI::App& root, Invocation& invocation);
void add_inspect_command(CLI::App& root, Invocation& invocation);
void add_convert_command(CLI::App& root, Invocation& invocation);
void add_launch_command(CLI::App& root, Invocation& invocation);
/// The scripts are made from `root` as it is when the command runs.
void add_completion_command(CLI::App& root, Invocation& invocation);
/// So is the page.
void add_man_command(CLI::App& root, Invocation& invocation);

}  // namespace arzoo::cli
