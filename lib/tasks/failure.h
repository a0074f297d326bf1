#pragma once

#include <string>

#include "core/error.h"

namespace arzoo::tasks {

/// How a task failed: what the process answers, and why, in one line.
struct Failure {
  ExitCode code;
  std::string text;
};

/// Of the exception that is being handled; to be called in a catch block.
Failure current_failure();

}  // namespace arzoo::tasks
