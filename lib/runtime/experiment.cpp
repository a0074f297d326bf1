#include "runtime/experiment.h"

#include "core/json.h"

namespace arzoo::runtime {

Json Experiment::reference_shape() const { return nullptr; }

}  // namespace arzoo::runtime
