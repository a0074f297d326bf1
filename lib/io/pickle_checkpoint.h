#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/stored_tensor.h"

namespace arzoo::io {

/// The tensors of a file written by torch.save, wherever they stand in nested dicts, lists and namespaces.
struct PickleCheckpoint {
  bool is_legacy = false;             ///< the format before PyTorch 1.6, without a zip archive
  std::vector<StoredTensor> tensors;  ///< named by their path, "model.head.weight", in the order of the file
  std::vector<std::string>
      state_dicts;                  ///< paths of the dicts that hold tensors themselves; "" is the top level
  std::vector<std::string> opaque;  ///< 'args ("module.Class")': the first few objects that were not read
  bool is_lightning = false;        ///< as PyTorch Lightning's trainer writes them
};

/// Whether the bytes begin as a file of torch.save does, in either format.
bool is_pickle_checkpoint(std::string_view bytes);

/// Reads the bytes of a whole file without executing anything of it. Each tensor is checked to lie inside its
/// storage, each storage inside the file, and no tensor is larger than the file (an expanded one could be).
/// Throws CheckpointError naming `where` (the file).
PickleCheckpoint parse_pickle_checkpoint(std::string_view bytes, std::string_view where);

/// The path of the state dict that is meant when none is named: the only one there is (a dict inside a state
/// dict is part of it; what lies with the state of the training, under "callbacks", "optimizer" and so on, is
/// none), state_dict of a Lightning file, that of the usual name (state_dict, model, model_state_dict,
/// module, params) in which all of them lie, or of a known trainer's file the averaged weights ("model_ema"
/// of MAR's and FlowAR's, "trainer.ema_parameters" of Distilled Decoding's), else VAR's
/// ("trainer.var_wo_ddp"). Weights are not guessed: throws CheckpointError that lists the state dicts when
/// there are others.
std::string default_state_dict(const PickleCheckpoint& checkpoint, std::string_view where);

/// The tensors of one state dict, their names relative to it, without the names of wrappers
/// (wrapper_names.h). `path` chooses the dict, "trainer.var_wo_ddp"; the empty path the default one. Throws
/// CheckpointError that lists the state dicts when the choice does not exist.
std::vector<StoredTensor> select_state_dict(const PickleCheckpoint& checkpoint, std::string_view path,
                                            std::string_view where);

}  // namespace arzoo::io
