#pragma once

#include "plan/tasks.h"

namespace arzoo::cli {

/// The functions of libarzoo, which holds all that needs LibTorch and is opened at the first call: beside
/// this program, in ../lib/arzoo (installed) or in ../lib. Without `with_cuda` no CUDA library is mapped.
/// Throws SystemFailure that says where it was looked for.
const plan::TaskTable& task_table(bool with_cuda);

}  // namespace arzoo::cli
