#pragma once

#include <string>

namespace arzoo {

/// What follows "key:" in a file of /proc, as in ("/proc/cpuinfo", "model name"); empty when it is not there.
std::string proc_value(const char* path, const std::string& key);

}  // namespace arzoo
