#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "core/share.h"
#include "invocation.h"

/// Batch work in parts: `--shard I/N`, or a part for each of the processes that a launcher started.
namespace arzoo::cli {

/// Declares --shard. what: the items of the work, "series".
std::shared_ptr<std::optional<Share>> add_shard_option(CLI::App& command, const std::string& what);

/// The part that is this process's: as given, else as launched_ranks() says, which the invocation is told.
/// Throws UsageError for both.
Share shard_of(const std::optional<Share>& given, Invocation& invocation);

/// "forecast.csv" becomes "forecast.2-of-4.csv" for the second of four processes of a launcher, whose command
/// lines are the same.
std::filesystem::path own_output(const std::filesystem::path& output, const Invocation& invocation);

}  // namespace arzoo::cli
