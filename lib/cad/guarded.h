#pragma once

#include <Standard_Failure.hxx>
#include <algorithm>
#include <exception>
#include <new>
#include <string>

namespace arzoo::cad {

/// What went wrong in a function that returns so, its exceptions too: none may leave the plug-in.
/// OpenCASCADE's own are not derived from std::exception in every release.
template <class Function>
std::string guarded(const Function& function) {
  std::string error;
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return "would take more memory than there is";
  } catch (const Standard_Failure& failure) {
    const char* const text = failure.GetMessageString();
    error = text == nullptr || *text == 0 ? failure.DynamicType()->Name() : text;
  } catch (const std::exception& failure) {
    error = failure.what();
  } catch (...) {
    error = "unknown failure";
  }
  std::replace(error.begin(), error.end(), '\n', ' ');
  return "OpenCASCADE cannot: " + error;
}

}  // namespace arzoo::cad
