#include "result_summary.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <optional>

#include "core/display_text.h"
#include "leaderboard_text.h"
#include "text_table.h"

namespace arzoo::cli {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return short_number(value.get<double>());
  return dump_json(value);
}

/// The text of a member, "?" when it is missing.
std::string text_of(const Json& object, const char* key) {
  return object.contains(key) ? value_text(object.at(key)) : "?";
}

double number_of(const Json& object, const char* key) {
  return object.contains(key) && object.at(key).is_number() ? object.at(key).get<double>() : 0.0;
}

/// "mse 0.3482, mae 0.3991"
std::string metrics_text(const Json& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics.items()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value_text(value));
  }
  return text;
}

std::string list_text(const Json& list) {
  std::vector<std::string> items;
  for (const auto& item : list) items.push_back(value_text(item));
  return fmt::format("{}", fmt::join(items, ", "));
}

/// Charts by name while a line holds them; many of them by number.
std::string plots_text(const Json& plots) {
  constexpr std::size_t kMostNamed = 4;
  if (plots.size() <= kMostNamed) return list_text(plots);
  return fmt::format("{} charts in {}", plots.size(),
                     std::filesystem::path(plots.front().get<std::string>()).parent_path().string());
}

/// A file's own keys, in quotes: they may hold commas. The top level has no key.
std::string state_dicts_text(const Json& paths) {
  std::vector<std::string> items;
  for (const auto& path : paths) {
    const auto text = value_text(path);
    items.push_back(text.empty() ? "(the top level)" : fmt::format("\"{}\"", text));
  }
  return fmt::format("{}", fmt::join(items, ", "));
}

/// Every field of `object`, nested ones under dotted names.
void collect_fields(const Json& object, const std::string& above, Rows& rows) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      collect_fields(value, above + key + '.', rows);
    } else if (key.ends_with("bytes") && value.is_number()) {
      rows.emplace_back(above + key, byte_text(value.get<double>()));
    } else {
      rows.emplace_back(above + key, value.is_array() ? list_text(value) : value_text(value));
    }
  }
}

std::string fields_text(const Json& object) {
  Rows rows;
  collect_fields(object, "", rows);
  return labelled(rows);
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

Cell number_cell(const Json& object, const char* key) {
  if (!object.contains(key) || !object.at(key).is_number()) return {};
  return object.at(key).get<double>();
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
  if (result.contains("decoding")) {
    const auto& decoding = result.at("decoding");
    rows.emplace_back("decoding", fmt::format("{} passes, {} tokens a pass", text_of(decoding, "passes"),
                                              text_of(decoding, "tokens_per_pass")));
  }
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

/// The parts of a forecaster's columns; of columns of texts, how many.
void add_columns(const Json& columns, Rows& rows) {
  for (const auto& [part, names] : columns.items()) {
    if (names.is_array() && !names.empty()) rows.emplace_back(part, list_text(names));
  }
  for (const auto& [column, values] : columns.at("categories").items())
    rows.emplace_back(fmt::format("categories of {}", column), fmt::format("{}", values.size()));
}

std::string generate_text_summary(const Json& result) {
  if (result.contains("streamed")) return {};
  if (result.contains("output")) {
    return labelled(
        {{"output", text_of(result, "output")},
         {"generated", fmt::format("{} texts, {} tokens in {} ({} tokens/s)", result.at("texts").size(),
                                   text_of(result, "tokens"), short_duration(number_of(result, "seconds")),
                                   text_of(result, "tokens_per_second"))}});
  }
  std::string all;
  for (const auto& text : result.at("texts")) {
    if (!all.empty()) all += "---\n";
    all += text_of(text, "prompt") + text_of(text, "text") + "\n";
  }
  return all;
}

std::string score_summary(const Json& result) {
  Table files({"file", "tokens", "bytes", {"nats/token"}, {"perplexity"}, {"bits/byte"}});
  for (const auto& file : result.at("files")) {
    files.add({text_of(file, "path"), file.value("tokens", int64_t{0}), file.value("bytes", int64_t{0}),
               number_cell(file, "nats"), number_cell(file, "perplexity"),
               number_cell(file, "bits_per_byte")});
  }
  return aligned(files);
}

/// The pieces and ids of each text.
std::string tokenizer_summary(const Json& result) {
  std::string all = labelled({{"path", text_of(result, "path")},
                              {"tokenizer", text_of(result, "format")},
                              {"vocabulary", text_of(result, "vocabulary")}});
  for (const auto& text : result.at("texts")) {
    Table pieces({"piece", "id"});
    for (std::size_t i = 0; i < text.at("ids").size(); ++i)
      pieces.add({one_line(text.at("pieces").at(i).get<std::string>()), text.at("ids").at(i).get<int64_t>()});
    all += fmt::format("\n{}\n{}", one_line(text_of(text, "text")), aligned(pieces));
  }
  return all;
}

std::string inspect_summary(const Json& result) {
  if (result.contains("vocabulary")) return tokenizer_summary(result);
  if (!result.contains("tensors")) return fields_text(result);
  Table tensors({"tensor", "dtype", "shape", "bytes"});
  const Json none = Json::array();
  for (const auto& tensor : result.contains("tensors") ? result.at("tensors") : none) {
    tensors.add({text_of(tensor, "name"), text_of(tensor, "dtype"), text_of(tensor, "shape"),
                 tensor.value("bytes", int64_t{0})});
  }
  Rows rows{{"path", text_of(result, "path")},
            {"format", text_of(result, "format")},
            {"tensors", fmt::format("{}", tensors.rows().size())},
            {"parameters", text_of(result, "parameters")},
            {"size", byte_text(number_of(result, "bytes"))}};
  if (result.contains("state_dicts"))
    rows.emplace_back("state dicts", state_dicts_text(result.at("state_dicts")));
  if (result.contains("not_read")) rows.emplace_back("not read", list_text(result.at("not_read")));
  if (result.contains("columns")) add_columns(result.at("columns"), rows);
  if (result.contains("metadata")) collect_fields(result.at("metadata"), "metadata.", rows);
  return aligned(tensors) + '\n' + labelled(rows);
}

std::string convert_summary(const Json& result) {
  Rows rows{{"output", text_of(result, "output")}};
  if (result.contains("state_dict")) rows.emplace_back("state dict", text_of(result, "state_dict"));
  rows.emplace_back("tensors", text_of(result, "tensors"));
  rows.emplace_back("size", byte_text(number_of(result, "bytes")));
  return labelled(rows);
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
