#include "result_summary.h"

#include <filesystem>
#include <optional>

#include "core/display_text.h"
#include "leaderboard_text.h"
#include "result_text.h"
#include "text_table.h"

namespace arzoo::cli {
namespace {

using Rows = LabelledRows;

/// What decoding with drafts came to, where there were any.
void add_decoding(Rows& rows, const Json& result) {
  if (!result.contains("decoding")) return;
  const auto& decoding = result.at("decoding");
  rows.emplace_back("decoding", fmt::format("{} passes, {} tokens a pass", text_of(decoding, "passes"),
                                            text_of(decoding, "tokens_per_pass")));
}

/// Charts by name while a line holds them; many of them by number.
std::string plots_text(const Json& plots) {
  constexpr std::size_t kMostNamed = 4;
  if (plots.size() <= kMostNamed) return list_text(plots);
  return fmt::format("{} charts in {}", plots.size(),
                     std::filesystem::path(plots.front().get<std::string>()).parent_path().string());
}

/// What was tried, and what the ensemble is made of.
std::string search_text(Json search) {
  const auto leaderboard = search.contains("leaderboard") ? leaderboard_text(search.at("leaderboard")) : "";
  search.erase("leaderboard");
  if (search.contains("held_out") && search.at("held_out").is_null()) search.erase("held_out");
  return fields_text(search) + leaderboard;
}

/// The errors over all series, and of each while they are few.
std::string backtest_text(Json backtest) {
  constexpr std::size_t kMostSeries = 20;
  const auto series = backtest.contains("series") ? backtest.at("series").size() : 0;
  if (series > kMostSeries) backtest["series"] = fmt::format("{} (the errors of each: --json)", series);
  const auto leaderboard =
      backtest.contains("leaderboard") ? leaderboard_text(backtest.at("leaderboard")) : "";
  backtest.erase("leaderboard");
  return fields_text(backtest) + leaderboard;
}

/// "12 checks, 1 failed, 2 cells skipped", below a suite's table; nothing of a suite that does not count.
std::string counts_text(const Json& result) {
  if (!result.contains("failed")) return "";
  const bool stored = result.value("updated", false);
  auto text = fmt::format("\n{} {}, {}", text_of(result, result.contains("checks") ? "checks" : "cells"),
                          result.contains("checks") ? "checks" : "cells",
                          stored ? "stored" : text_of(result, "failed") + " failed");
  const auto skipped = result.contains("skipped") ? result.at("skipped").size() : 0;
  if (skipped > 0) text += fmt::format(", {} cell{} skipped", skipped, skipped == 1 ? "" : "s");
  return text + '\n';
}

/// What the processes needed at most, and the state that they keep beside that of a single one.
std::string memory_text(const Json& memory) {
  const auto megabytes = [](const Json& bytes) { return fmt::format("{:.4g}", 1e-6 * bytes.get<double>()); };
  std::string text;
  if (memory.contains("peak_bytes")) {
    for (const auto& bytes : memory.at("peak_bytes"))
      text += (text.empty() ? "" : " and ") + megabytes(bytes);
    text += " MB at most; ";
  }
  return text + fmt::format("weights, gradients and moments {} MB, {} MB in a single process",
                            megabytes(memory.at("state_bytes")), megabytes(memory.at("single_state_bytes")));
}

}  // namespace

std::string train_summary(const Json& result) {
  Rows rows{
      {"run", text_of(result, "run_dir")},
      {"trained", fmt::format("{} steps, {} epochs in {}", text_of(result, "steps"),
                              text_of(result, "epochs"), short_duration(number_of(result, "seconds")))}};
  if (result.contains("best")) {
    const auto& best = result.at("best");
    rows.emplace_back("best", fmt::format("epoch {}: {}", text_of(best, "epoch"),
                                          metrics_text(best.value("val", Json::object()))));
  }
  if (result.contains("test") && !result.at("test").empty())
    rows.emplace_back("test", metrics_text(result.at("test")));
  if (result.contains("messages")) {
    const auto& times = result.at("messages");
    rows.emplace_back("messages", fmt::format("{:.3g} ms a step, {:.0f} % of it while backward computes",
                                              1e3 * (number_of(times, "end") - number_of(times, "begin")),
                                              100.0 * number_of(times, "hidden")));
  }
  if (result.contains("processes") && result.contains("memory"))
    rows.emplace_back("memory", memory_text(result.at("memory")));
  return labelled(rows);
}

std::string initial_model_summary(const Json& result) {
  return labelled({{"model", text_of(result, "model")},
                   {"weights", fmt::format("{}, as initialised", text_of(result, "parameters"))}});
}

namespace {

/// What --impute and --detect did; nothing of a forecast.
std::optional<std::pair<std::string, std::string>> other_work(const Json& result) {
  const auto time = short_duration(number_of(result, "seconds"));
  if (result.contains("imputed"))
    return std::pair(std::string("imputed"),
                     fmt::format("{} cells of {} series, {} rows in {}", text_of(result, "imputed"),
                                 text_of(result, "series"), text_of(result, "rows"), time));
  if (!result.contains("detect")) return std::nullopt;
  const auto& found = result.at("detect");
  return std::pair(
      std::string("anomalies"),
      fmt::format("{} of {} cells of {} series at level {} in {}", text_of(found, "anomalies"),
                  text_of(found, "scored"), text_of(result, "series"), text_of(found, "level"), time));
}

}  // namespace

std::string forecast_summary(const Json& result) {
  const auto other = other_work(result);
  Rows rows{{"output", text_of(result, "output")}};
  if (other)
    rows.push_back(*other);
  else
    rows.emplace_back("forecast",
                      fmt::format("{} series, {} steps each, {} rows in {}", text_of(result, "series"),
                                  text_of(result, "horizon"), text_of(result, "rows"),
                                  short_duration(number_of(result, "seconds"))));
  if (result.contains("skipped") && !result.at("skipped").empty())
    rows.emplace_back("left out", fmt::format("{} series, too short", result.at("skipped").size()));
  if (result.contains("plots") && !result.at("plots").empty())
    rows.emplace_back("plots", plots_text(result.at("plots")));
  if (result.contains("decoding")) {
    const auto& decoding = result.at("decoding");
    rows.emplace_back("decoding", fmt::format("{} passes, {} steps a pass", text_of(decoding, "passes"),
                                              text_of(decoding, "steps_per_pass")));
  }
  std::string text = labelled(rows);
  if (result.contains("search")) text += "\nsearch\n" + search_text(result.at("search"));
  if (result.contains("backtest")) text += "\nbacktest\n" + backtest_text(result.at("backtest"));
  return text;
}

std::string generate_image_summary(const Json& result) {
  const auto files = result.contains("files") ? result.at("files").size() : 0;
  Rows rows{{"output", text_of(result, "output")},
            {"generated", fmt::format("{} pictures in {} ({} s each), {} files", text_of(result, "pictures"),
                                      short_duration(number_of(result, "seconds")),
                                      text_of(result, "seconds_per_picture"), files)}};
  add_decoding(rows, result);
  return labelled(rows);
}

std::string generate_3d_summary(const Json& result) {
  const auto files = result.contains("files") ? result.at("files").size() : 0;
  Rows rows{{"output", text_of(result, "output")},
            {"generated", fmt::format("{} shapes in {} ({} s each), {} files", text_of(result, "shapes"),
                                      short_duration(number_of(result, "seconds")),
                                      text_of(result, "seconds_per_shape"), files)}};
  if (number_of(result, "empty") > 0)
    rows.emplace_back("empty",
                      fmt::format("{}: nothing is inside, no file was written", text_of(result, "empty")));
  if (result.contains("solids")) {
    const auto& solids = result.at("solids");
    rows.emplace_back(
        "solids", fmt::format("{} parsed, {} sewn, {} closed, {} valid", text_of(solids, "parsed"),
                              text_of(solids, "sewn"), text_of(solids, "closed"), text_of(solids, "valid")));
  }
  Table meshes({"shape", "class", "vertices", "triangles", "euler", "watertight"});
  const Json none = Json::array();
  for (const auto& mesh : result.contains("meshes") ? result.at("meshes") : none) {
    meshes.add({text_of(mesh, "shape"), text_of(mesh, "class"), text_of(mesh, "vertices"),
                text_of(mesh, "triangles"), text_of(mesh, "euler"), text_of(mesh, "watertight")});
  }
  return (meshes.rows().empty() ? "" : aligned(meshes) + '\n') + labelled(rows);
}

std::string embed_text_summary(const Json& result) {
  Rows rows{
      {"output", text_of(result, "output")},
      {"vectors", fmt::format("{} of {} numbers in {} ({} tokens, {} a second)", text_of(result, "texts"),
                              text_of(result, "width"), short_duration(number_of(result, "seconds")),
                              text_of(result, "tokens"), text_of(result, "tokens_per_second"))}};
  if (number_of(result, "cut") > 0) rows.emplace_back("cut", text_of(result, "cut"));
  return labelled(rows);
}

std::string transcribe_summary(const Json& result) {
  if (result.value("output", "") == "-") return "";
  std::string text;
  for (const auto& line : result.value("lines", Json::array()))
    text += one_line(text_of(line, "file")) + "\t" + one_line(text_of(line, "text")) + "\n";
  Rows rows;
  if (result.contains("output")) {
    rows.emplace_back("output", text_of(result, "output"));
    rows.emplace_back("recordings",
                      fmt::format("{} of {} together, real-time factor {:.3f}", text_of(result, "recordings"),
                                  short_duration(number_of(result, "seconds")), number_of(result, "rtf")));
  }
  if (result.contains("errors")) {
    const auto& errors = result.at("errors");
    rows.emplace_back("errors",
                      fmt::format("{:.2f} % of {} tokens: {} substitutions, {} deletions, {} insertions",
                                  number_of(errors, "error_rate"), text_of(errors, "reference_tokens"),
                                  text_of(errors, "substitutions"), text_of(errors, "deletions"),
                                  text_of(errors, "insertions")));
  }
  return rows.empty() ? text : text + labelled(rows);
}

std::string encode_summary(const Json& result) {
  return labelled(
      {{"output", text_of(result, "output")},
       {"tokens", fmt::format("{} of {} bits", text_of(result, "tokens"), text_of(result, "bits"))},
       {"size", fmt::format("{} bytes for a file of {}, {} times smaller", text_of(result, "bytes"),
                            text_of(result, "input_bytes"), text_of(result, "ratio"))},
       {"time", short_duration(number_of(result, "seconds"))}});
}

std::string decode_summary(const Json& result) {
  return labelled({{"output", text_of(result, "output")},
                   {"mesh", fmt::format("{} vertices, {} triangles", text_of(result, "vertices"),
                                        text_of(result, "triangles"))},
                   {"watertight", text_of(result, "watertight")},
                   {"time", short_duration(number_of(result, "seconds"))}});
}

/// "bag.png: a dark wide bag (log-probability -0.02)", or the choices with their probabilities.
std::string described_picture(const Json& picture) {
  auto line = text_of(picture, "prompt") + ": ";
  if (!picture.contains("choices")) {
    return line + fmt::format("{} (log-probability {:.4g})\n", text_of(picture, "text"),
                              number_of(picture, "log_probability"));
  }
  const char* between = "";
  for (const auto& choice : picture.at("choices")) {
    line += fmt::format("{}{} {:.4g}", between, text_of(choice, "text"), number_of(choice, "probability"));
    between = ", ";
  }
  return line + "\n";
}

std::string generate_text_summary(const Json& result) {
  if (result.contains("streamed")) return {};
  if (result.contains("output")) {
    Rows rows{
        {"output", text_of(result, "output")},
        {"generated", fmt::format("{} texts, {} tokens in {} ({} tokens/s)", result.at("texts").size(),
                                  text_of(result, "tokens"), short_duration(number_of(result, "seconds")),
                                  text_of(result, "tokens_per_second"))}};
    add_decoding(rows, result);
    return labelled(rows);
  }
  std::string all;
  for (const auto& text : result.at("texts")) {
    if (text.contains("log_probability") || text.contains("choices")) {
      all += described_picture(text);
      continue;
    }
    if (!all.empty()) all += "---\n";
    all += text_of(text, "prompt") + text_of(text, "text") + "\n";
  }
  return all;
}

/// Of pictures.
std::string pixel_score_summary(const Json& result) {
  Table files({"file", "pictures", {"bits/dim"}, {"std"}});
  for (const auto& file : result.at("files")) {
    files.add({text_of(file, "path"), file.value("pictures", int64_t{0}), number_cell(file, "bits_per_dim"),
               number_cell(file, "bits_per_dim_std")});
  }
  return aligned(files);
}

std::string score_summary(const Json& result) {
  if (result.contains("levels")) return pixel_score_summary(result);
  Table files({"file", "tokens", "bytes", {"nats/token"}, {"perplexity"}, {"bits/byte"}});
  for (const auto& file : result.at("files")) {
    files.add({text_of(file, "path"), file.value("tokens", int64_t{0}), file.value("bytes", int64_t{0}),
               number_cell(file, "nats"), number_cell(file, "perplexity"),
               number_cell(file, "bits_per_byte")});
  }
  return aligned(files);
}

std::string parity_summary(const Json& result) {
  Table outputs({"case", "output", {"max abs"}, {"max rel"}, "result"});
  std::string notes, errors;
  const Json none = Json::array();
  for (const auto& fixture : result.contains("cases") ? result.at("cases") : none) {
    const auto name = text_of(fixture, "case");
    for (const auto& output : fixture.contains("outputs") ? fixture.at("outputs") : none) {
      const bool passed = output.value("passed", false);
      std::string verdict = output.contains("informative") ? "not judged" : passed ? "pass" : "FAIL";
      if (!passed && output.contains("worst")) verdict += " at " + text_of(output, "worst");
      outputs.add({name, text_of(output, "name"), number_cell(output, "max_abs"),
                   number_cell(output, "max_rel"), verdict});
    }
    for (const auto& note : fixture.contains("notes") ? fixture.at("notes") : none)
      notes += fmt::format("note {}: {}\n", one_line(name),
                           one_line(note.is_string() ? note.get<std::string>() : ""));
    if (fixture.contains("error"))
      errors += fmt::format("FAIL {}: {}\n", one_line(name), one_line(text_of(fixture, "error")));
  }
  return (outputs.rows().empty() ? "" : aligned(outputs)) + notes + errors +
         fmt::format("\n{} passed, {} failed\n", text_of(result, "passed"), text_of(result, "failed"));
}

std::string suite_summary(const Json& result) {
  if (!result.contains("markdown") || !result.at("markdown").is_string()) return fields_text(result);
  auto text = result.at("markdown").get<std::string>();
  if (!text.ends_with('\n')) text += '\n';
  return text + counts_text(result);
}

std::string plan_summary(const Json& result) {
  return "plan\n" + fields_text(result.contains("plan") ? result.at("plan") : result);
}

}  // namespace arzoo::cli
