#pragma once

#include "image/latent_source.h"
#include "image/llamagen_files.h"

/// Finding a LlamaGen and its tokenizer on disk: run directories and model folders of ours, published files.
namespace arzoo::image {

/// A transformer that was opened, and where it was.
struct OpenedLlamaGen {
  FoundModel found;
  std::shared_ptr<LlamaGen> model;
};

/// `path`: a run directory or model folder, a folder with one published c2i_*.pt or t2i_*.pt, or a weights
/// file. To compute in `type`. Throws CheckpointError, ConfigError, UsageError.
OpenedLlamaGen open_llamagen(const std::filesystem::path& path, const std::string& state_dict,
                             at::ScalarType type);

/// The tokenizer in a folder of ours.
std::shared_ptr<LlamaGenVq> open_llamagen_vq(const ModelFolder& folder, at::ScalarType type = at::kFloat);
/// The tokenizer at `vae`, or when none is named the one that lies with the transformer: vae/ in its folder,
/// or the one published vq_ds*.pt beside its file. Throws as open_llamagen does; UsageError naming --vae when
/// there is none.
std::shared_ptr<LlamaGenVq> open_llamagen_vq(const FoundModel& model,
                                             const std::optional<std::filesystem::path>& vae,
                                             at::ScalarType type, std::string_view state_dict = {});

}  // namespace arzoo::image
