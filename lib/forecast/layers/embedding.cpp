#include "forecast/layers/embedding.h"

#include <torch/torch.h>

#include <array>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "kernels/circular_convolution.h"
#include "kernels/dropout.h"
#include "kernels/linear.h"
#include "nn/position_table.h"

namespace arzoo::forecast {
namespace {

/// A column of codes: the table's name and how many values there are. The minute column is there in minute
/// files only.
struct CodeTable {
  const char* name;
  int64_t rows;
};
constexpr std::array<CodeTable, 5> kCodeTables{
    {{"month_embed", 13}, {"day_embed", 32}, {"weekday_embed", 7}, {"hour_embed", 24}, {"minute_embed", 4}}};

std::shared_ptr<torch::nn::Module> empty_module() { return std::make_shared<torch::nn::Module>(); }

}  // namespace

DataEmbedding::DataEmbedding(const EmbeddingOptions& options) : options_(options) {
  const int64_t width = options.d_model;
  const auto values = register_module("value_embedding", empty_module());
  token_conv_ = values->register_module(
      "tokenConv",
      torch::nn::Conv1d(torch::nn::Conv1dOptions(options.variates, width, 3).bias(options.bias)));
  torch::nn::init::kaiming_normal_(token_conv_->weight, 0.0, torch::kFanIn, torch::kLeakyReLU);
  position_embedding_ =
      register_module("position_embedding", std::make_shared<PositionEmbedding>(width, options.longest));
  if (options.marks > 0) add_calendar();
  const auto covariate_map = [&](const char* name, int64_t in) {
    return register_module(name, torch::nn::Linear(torch::nn::LinearOptions(in, width).bias(false)));
  };
  if (options.known > 0) known_embedding_ = covariate_map("known_embedding", options.known);
  if (options.statics > 0) static_embedding_ = covariate_map("static_embedding", options.statics);
}

void DataEmbedding::add_calendar() {
  const auto& options = options_;
  const int64_t width = options.d_model;
  const auto temporal = register_module("temporal_embedding", empty_module());
  if (options.embed == "timeF") {
    features_ = temporal->register_module(
        "embed", torch::nn::Linear(torch::nn::LinearOptions(options.marks, width).bias(options.bias)));
    return;
  }
  const auto columns = static_cast<std::size_t>(options.marks);
  if (columns + 1 < kCodeTables.size() || columns > kCodeTables.size()) {
    fail<ConfigError>(
        "embed \"{}\": the data has {} calendar codes per step, expected 4, or 5 in minute files",
        options.embed, columns);
  }
  const bool learned = options.embed == "learned";
  for (std::size_t i = 0; i < columns; ++i) {
    const auto [name, rows] = kCodeTables[i];
    auto holder = temporal->register_module(name, empty_module());
    if (!learned) holder = holder->register_module("emb", empty_module());
    const auto table = learned ? at::randn({rows, width}) : nn::position_table(rows, width);
    code_tables_.push_back(holder->register_parameter("weight", table, /*requires_grad=*/learned));
  }
}

at::Tensor DataEmbedding::values_and_features(const at::Tensor& x, const at::Tensor& marks) const {
  const auto type = token_conv_->weight.scalar_type();
  const auto seen = kernels::circular_neighbours(x.to(type));
  const auto weight = kernels::neighbour_weight(token_conv_->weight);
  if (!features_) return kernels::linear(seen, weight, token_conv_->bias);
  const auto bias = options_.bias ? token_conv_->bias + features_->bias : at::Tensor();
  return kernels::linear(at::cat({seen, marks.to(type)}, 2), at::cat({weight, features_->weight}, 1), bias);
}

at::Tensor DataEmbedding::calendar(const at::Tensor& codes) const {
  const auto whole = codes.to(at::kLong);
  at::Tensor sum;
  for (std::size_t i = 0; i < code_tables_.size(); ++i) {
    const auto column = whole.select(2, static_cast<int64_t>(i)).contiguous();
    const int64_t rows = code_tables_[i].size(0);
    if (column.lt(0).logical_or(column.ge(rows)).any().item<bool>()) {
      fail<DataError>("{}: a calendar code outside 0..{} (integer codes are needed: timeenc 0)",
                      kCodeTables[i].name, rows - 1);
    }
    const auto rows_of_table = at::embedding(code_tables_[i], column);
    sum = sum.defined() ? sum + rows_of_table : rows_of_table;
  }
  return sum;
}

at::Tensor DataEmbedding::forward(const at::Tensor& x, const at::Tensor& marks, const at::Tensor& known,
                                  const at::Tensor& statics) {
  if (options_.marks > 0 && !(marks.defined() && marks.size(2) == options_.marks)) {
    fail<DataError>("calendar features: {} per step, the model expects {}",
                    marks.defined() ? marks.size(2) : 0, options_.marks);
  }
  auto sum = values_and_features(x, marks);
  if (options_.positions) sum = sum + position_embedding_->forward(x.size(1));
  if (!code_tables_.empty()) sum = sum + calendar(marks);
  const auto mapped = [](const torch::nn::Linear& layer, const at::Tensor& values) {
    return kernels::linear(values.to(layer->weight.scalar_type()), layer->weight, {});
  };
  if (known_embedding_) sum = sum + mapped(known_embedding_, known);
  if (static_embedding_) sum = sum + mapped(static_embedding_, statics).unsqueeze(1);
  return kernels::dropout(sum, options_.dropout, is_training());
}

}  // namespace arzoo::forecast
