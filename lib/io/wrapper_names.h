#pragma once

#include <vector>

#include "io/stored_tensor.h"

namespace arzoo::io {

/// Removes from the tensors' names what a training put around its model: "module." (DistributedDataParallel,
/// DataParallel) where all names begin with it, and the part "_orig_mod" (torch.compile) wherever it stands.
void strip_wrappers(std::vector<StoredTensor>& tensors);

}  // namespace arzoo::io
