#pragma once

#include <istream>
#include <string>

namespace arzoo {

/// What tells this machine's kind of processor from others: its name, family and model, and the instruction
/// sets that decide how fast it multiplies matrices. "AMD EPYC, family 25 model 17, avx2 avx512f avx512_bf16
/// avx512_vnni": a virtual machine often hides all but the first two words of the name.
std::string processor_name();

/// The same of a text like /proc/cpuinfo, of which only the first processor is read.
std::string processor_name(std::istream& cpuinfo);

}  // namespace arzoo
