#pragma once

#include <cstdint>
#include <functional>
#include <string>

/// OpenCASCADE reads hostile files and fits solids that a network dreamt up: it may crash, or not end. So it
/// works in a child process, whose end is an error like any other.
namespace arzoo::cad {

/// What a child may take.
struct ChildLimits {
  int64_t seconds = 60;         ///< of processor time
  uint64_t bytes = 1ULL << 30;  ///< of memory, more than this process has
};

/// Runs work, which writes an answer and returns what went wrong, in a child process, and takes over both. A
/// child that crashes or exceeds its limits leaves no answer and an error that says so.
std::string in_child(const ChildLimits& limits, const std::function<std::string(std::string& answer)>& work,
                     std::string& answer);

}  // namespace arzoo::cad
