#pragma once

#include <string_view>

namespace arzoo {

/// Whether `pattern` means the dotted `name`: it is the name or a module that it lies in ("encoder" means
/// "encoder.norm.weight", not "encoders.0.bias"), with '*' for any run of characters. Takes time proportional
/// to the product of both lengths at most.
bool means_name(std::string_view pattern, std::string_view name);

}  // namespace arzoo
