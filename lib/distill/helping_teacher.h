#pragma once

#include <cstdint>
#include <filesystem>

namespace arzoo::distill {

/// The pre-trained teacher in the middle of a student's drawing (Distilled Decoding 1). No torch in here.
struct HelpingTeacher {
  std::filesystem::path model;  ///< empty: none
  int64_t scales = 1;           ///< that it draws, the last ones before the student's second step
};

}  // namespace arzoo::distill
