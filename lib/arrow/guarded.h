#pragma once

#include <arrow/status.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string>

namespace arzoo::arrow_files {

/// Arrow's own words, on one line.
inline std::string reason(const arrow::Status& status) {
  auto text = status.message();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.empty() ? "cannot be read" : text;
}

/// What went wrong in a function that returns a Status, its exceptions too: none may leave the plug-in. Empty
/// if nothing did.
template <class Function>
std::string guarded(const Function& function) {
  try {
    const arrow::Status status = function();
    return status.ok() ? "" : reason(status);
  } catch (const std::bad_alloc&) {
    return "would take more memory than there is";
  } catch (const std::exception& error) {
    return reason(arrow::Status::Invalid(error.what()));
  }
}

}  // namespace arzoo::arrow_files
