#include <fmt/ranges.h>

#include "core/display_text.h"
#include "result_summary.h"
#include "result_text.h"
#include "text_table.h"

/// What `inspect` and `convert` tell of a checkpoint, a picture's text or a tokenizer.
namespace arzoo::cli {
namespace {

using Rows = LabelledRows;

/// A file's own keys, in quotes: they may hold commas. The top level has no key.
std::string state_dicts_text(const Json& paths) {
  std::vector<std::string> items;
  for (const auto& path : paths) {
    const auto text = value_text(path);
    items.push_back(text.empty() ? "(the top level)" : fmt::format("\"{}\"", text));
  }
  return fmt::format("{}", fmt::join(items, ", "));
}

/// The parts of a forecaster's columns; of columns of texts, how many.
void add_columns(const Json& columns, Rows& rows) {
  for (const auto& [part, names] : columns.items()) {
    if (names.is_array() && !names.empty()) rows.emplace_back(part, list_text(names));
  }
  for (const auto& [column, values] : columns.at("categories").items())
    rows.emplace_back(fmt::format("categories of {}", column), fmt::format("{}", values.size()));
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

std::string factorize_summary(const Json& result) {
  const Rows rows{{"output", text_of(result, "output")},
                  {"parameters", text_of(result, "parameters")},
                  {"before", text_of(result, "parameters_before")}};
  Table maps({"map", "blocks", "rank", "nonzeros", {"error", 3}, {"error of SVD", 3}});
  for (const auto& map : result.at("maps")) {
    maps.add({text_of(map, "map"), map.at("blocks").get<int64_t>(), map.at("rank").get<int64_t>(),
              map.at("nonzeros").get<int64_t>(), number_cell(map, "dense_sparse_error"),
              number_cell(map, "low_rank_error")});
  }
  return aligned(maps) + '\n' + labelled(rows);
}

}  // namespace

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
  if (result.contains("metadata")) add_fields(rows, result.at("metadata"), "metadata.");
  return aligned(tensors) + '\n' + labelled(rows);
}

std::string convert_summary(const Json& result) {
  if (result.contains("maps")) return factorize_summary(result);
  Rows rows{{"output", text_of(result, "output")}};
  if (result.contains("state_dict")) rows.emplace_back("state dict", text_of(result, "state_dict"));
  rows.emplace_back("tensors", text_of(result, "tensors"));
  if (result.contains("quantized")) rows.emplace_back("rounded", text_of(result, "quantized"));
  rows.emplace_back("size", byte_text(number_of(result, "bytes")));
  return labelled(rows);
}

}  // namespace arzoo::cli
