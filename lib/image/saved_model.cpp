#include "image/saved_model.h"

#include "runtime/model_folder.h"

namespace arzoo::image {

void save_model(const ModelFolder& folder, const torch::nn::Module& model,
                std::optional<at::ScalarType> type) {
  runtime::write_model_folder(folder.path, folder_json(folder), model, type);
}

}  // namespace arzoo::image
