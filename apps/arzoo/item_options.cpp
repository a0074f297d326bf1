#include "item_options.h"

#include <fmt/format.h>

#include "list_values.h"
#include "value_checks.h"

namespace arzoo::cli {

void add_item_options(CLI::App& command, const ItemOptions& options, const std::string& noun, int64_t most) {
  const auto add_classes = [&classes = options.classes](const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
      for (auto& name : name_list(text)) classes.push_back(std::move(name));
    }
  };
  command
      .add_option_function<std::vector<std::string>>(
          "--class", add_classes,
          fmt::format(
              "numbers or names (\\, for a comma in a name), all, none (without a class), or random: one per "
              "{}, the default",
              noun))
      ->type_name("CLASS[,CLASS...]")
      ->allow_extra_args(false)
      ->check(parses(name_list));
  const auto add_number = [&command](const char* name, auto& value, const std::string& help, int64_t least,
                                     int64_t largest) {
    command.add_option(name, value, help)->type_name("N")->check(whole_number(least, largest));
  };
  add_number("--count", options.count, fmt::format("{}s of each class, 1 by default", noun), 1, most);
  add_number(
      "--first", options.first,
      fmt::format("number of the first {}, 0 by default; with its number and class one is generated again "
                  "alone, and a folder keeps the others",
                  noun),
      0, kLargestCount);
  add_number("--batch-size", options.batch_size, fmt::format("{}s generated together, 8 by default", noun), 1,
             kLargestCount);
}

}  // namespace arzoo::cli
