#include <CLI/CLI.hpp>

#include "commands.h"
#include "core/display_text.h"
#include "core/error.h"
#include "help_format.h"
#include "path_checks.h"
#include "result_summary.h"
#include "result_text.h"
#include "task_run.h"
#include "text_table.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

constexpr double kLatest = 1e15;

/// The links with their probabilities, or what each method reached.
std::string links_summary(const Json& result) {
  if (result.contains("rows")) {
    return fmt::format("{} of {} events\n\n", text_of(result, "evaluated"), text_of(result, "events")) +
           to_markdown(table_from_json(result.at("rows")));
  }
  Table links({"source", "target", {"probability", 4}, "met before", "last"});
  for (const auto& link : result.at("links")) {
    links.add({one_line(text_of(link, "source")), one_line(text_of(link, "target")),
               number_of(link, "probability"), link.value("met", int64_t{0}),
               link.at("last").is_null() ? Cell("") : Cell(text_of(link, "last"))});
  }
  return aligned(links);
}

void check(const plan::LinksTask& task) {
  require_checkpoint(task.model, "links: --model");
  require_input_file(task.input, "links: --input");
  const int asked = (task.queries.empty() ? 0 : 1) + (task.source ? 1 : 0) + (task.evaluate ? 1 : 0);
  if (asked != 1) fail<UsageError>("links: expected one of --query, --src and --evaluate, got {}", asked);
}

}  // namespace

void add_links_command(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand(
      "links", "Say which nodes of a dynamic graph will meet next, from its events so far.");
  command->formatter(std::make_shared<HelpFormat>("--model MODEL --input EVENTS.csv"));
  auto task = std::make_shared<plan::LinksTask>();
  command->add_option("--model", task->model, "run directory or model folder of a trained todyformer")
      ->type_name("MODEL")
      ->required();
  command
      ->add_option(
          "--input", task->input,
          "CSV file of events, gzipped or not: columns src, dst, time (seconds), and the features that "
          "the model was trained with")
      ->type_name("EVENTS.csv")
      ->required();
  command->add_option("--query", task->queries, "two nodes, how likely they meet next; repeatable")
      ->type_name("SRC,DST")
      ->allow_extra_args(false);
  command->add_option("--src", task->source, "a node, whose likeliest targets are listed")->type_name("NODE");
  command->add_option("--top", task->top, "with --src: how many of them, 10 by default")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount));
  command
      ->add_option("--at", task->at,
                   "the moment, in seconds as in the file: only events before it are known; with --evaluate, "
                   "those from it on are scored; after the last event by default")
      ->type_name("TIME")
      ->check(real_number(0, kLatest));
  command->add_flag("--evaluate", task->evaluate,
                    "score the file's last events, as many as the model's config sets apart to test, beside "
                    "EdgeBank, a memory of pairs");
  command
      ->add_option("--negatives", task->negatives,
                   "with --evaluate: random targets that each true one is ranked among, 20 by default")
      ->type_name("N")
      ->check(whole_number(1, 10000));
  command
      ->add_option("--batch-size", task->batch_size,
                   "with --evaluate: events that are predicted of the same known ones, 100 by default")
      ->type_name("N")
      ->check(whole_number(1, kLargestCount));
  add_shared_options(*command, invocation);
  command->footer(
      "example:\n  arzoo links --model runs/todyformer --input data/events/glibc_2003_2008.csv.gz \\\n"
      "    --src \"author 0\" --top 5");
  on_chosen(*command, invocation, [task, &invocation] {
    task->compute = invocation.compute;
    task->dry_run = invocation.dry_run;
    check(*task);
    return run_task(invocation, &plan::TaskTable::links, *task, task->dry_run ? plan_summary : links_summary);
  });
}

}  // namespace arzoo::cli
