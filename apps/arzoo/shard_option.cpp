#include "shard_option.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "launched_ranks.h"
#include "value_checks.h"

namespace arzoo::cli {
namespace {

Share parse_share(const std::string& text) {
  constexpr int64_t kMostShards = 1000000;
  const auto slash = text.find('/');
  const auto whole = [&](std::string_view word) {
    int64_t number = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
    return parsed.ec == std::errc() && parsed.ptr == word.data() + word.size() ? number : 0;
  };
  const std::string_view view = text;
  const int64_t index = slash == text.npos ? 0 : whole(view.substr(0, slash)),
                count = slash == text.npos ? 0 : whole(view.substr(slash + 1));
  if (index < 1 || count < index || count > kMostShards)
    throw UsageError("\"" + text + "\": expected I/N, as in 1/4, 2/4, 3/4 and 4/4");
  return {index - 1, count};
}

}  // namespace

std::shared_ptr<std::optional<Share>> add_shard_option(CLI::App& command, const std::string& what) {
  auto share = std::make_shared<std::optional<Share>>();
  const auto set = [share](const std::string& text) { *share = parse_share(text); };
  command
      .add_option_function<std::string>("--shard", set,
                                        "only part I of N of the " + what + ", which run apart")
      ->type_name("I/N")
      ->check(parses(parse_share));
  return share;
}

Share shard_of(const std::optional<Share>& given, Invocation& invocation) {
  const auto ranks = launched_ranks();
  if (given && !ranks.alone())
    fail<UsageError>("--shard: a launcher has started {} processes, each of which has a part already",
                     ranks.world);
  if (given) return *given;
  invocation.compute.ranks = ranks;
  return {ranks.rank, ranks.world};
}

std::filesystem::path own_output(const std::filesystem::path& output, const Invocation& invocation) {
  const auto& ranks = invocation.compute.ranks;
  if (ranks.alone()) return output;
  const auto count = std::to_string(ranks.world);
  auto own = std::to_string(ranks.rank + 1);
  own.insert(0, count.size() - own.size(), '0');
  const auto name = output.filename().string();
  const auto dot = std::min(name.find('.', 1), name.size());
  return output.parent_path() / (name.substr(0, dot) + "." + own + "-of-" + count + name.substr(dot));
}

}  // namespace arzoo::cli
