#include "forecast/layers/position_embedding.h"

#include <torch/torch.h>

#include <algorithm>

#include "nn/position_table.h"

namespace arzoo::forecast {

PositionEmbedding::PositionEmbedding(int64_t d_model, int64_t longest) {
  pe_ = register_buffer("pe", nn::position_table(std::max(longest, kOfficialRows), d_model).unsqueeze(0));
}

}  // namespace arzoo::forecast
