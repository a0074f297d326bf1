#include "language/family.h"

#include "language/attention_growth.h"
#include "language/commands/embed_text_command.h"
#include "language/commands/generate_text_command.h"
#include "language/commands/score_command.h"
#include "language/factorise.h"
#include "language/fixture.h"
#include "language/layer_times.h"
#include "language/models.h"
#include "language/quantised_folder.h"

namespace arzoo::language {

namespace {

Json convert_model(const plan::ConvertTask& task, const runtime::CommandContext& context) {
  return task.quantize.empty() ? factorise_model(task, context) : quantise_model(task, context);
}

}  // namespace

const runtime::Family& family() {
  static const runtime::Family family{
      .name = "language",
      .models = runtime::entries_of<Models>(),
      .fixture_folders = {"language", "blocks"},
      .mechanisms = {{"tokenizer", replay_tokenizer, /*on_cpu=*/true},
                     {"combiner_fixed", replay_combiner_attention},
                     {"combiner_axial", replay_combiner_attention},
                     {"combiner_logn", replay_combiner_attention},
                     {"structured_ffn_linears", replay_structured_maps}},
      .cells = {{.keys = {"lengths"}, .read = &read_attention_growth},
                {.keys = {"feed_forward"}, .read = &read_feed_forward_times},
                {.keys = {"fill"}, .read = &read_packed_times}},
      .commands = {runtime::family_command<plan::GenerateTextTask, &run_generate_text>(),
                   runtime::family_command<plan::ScoreTask, &run_score>(),
                   runtime::family_command<plan::EmbedTextTask, &run_embed_text>(),
                   runtime::family_command<plan::ConvertTask, &convert_model>()}};
  return family;
}

}  // namespace arzoo::language
