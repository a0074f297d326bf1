#pragma once

#include <string>

#include "core/config.h"
#include "text_table.h"

/// Parts of a task's result as text for people.
namespace arzoo::cli {

std::string value_text(const Json& value);
/// The text of a member, "?" when it is missing.
std::string text_of(const Json& object, const char* key);
/// 0 for a member that is missing or no number.
double number_of(const Json& object, const char* key);
Cell number_cell(const Json& object, const char* key);
/// "mse 0.3482, mae 0.3991"
std::string metrics_text(const Json& metrics);
/// The values, with commas between them.
std::string list_text(const Json& list);
/// Appends a row for every field, nested ones under dotted names; `above` goes before each name.
void add_fields(LabelledRows& rows, const Json& object, const std::string& above = "");
/// Every field, nested ones under dotted names, a line each.
std::string fields_text(const Json& object);

}  // namespace arzoo::cli
