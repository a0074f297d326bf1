#pragma once

#include <filesystem>
#include <functional>

namespace arzoo {

/// Puts a folder in the place of the one at `where`, or where none is, as a whole: `fill` writes into a new
/// folder beside it, which is flushed to disk and swapped in by one rename; the old one is then removed.
/// Whatever goes wrong, at any moment, SIGKILL and power failure included, `where` is the old folder or the
/// new one. On a file system that cannot exchange two names, a crash between two renames leaves the old
/// folder under another name, which recover_folders() gives back.
///
/// What `fill` throws passes through, with `where` untouched; else throws as fail_with does, naming `where`.
/// Two processes must not replace the same folder at once (RunDir's lock sees to it).
void replace_folder(const std::filesystem::path& where,
                    const std::function<void(const std::filesystem::path& folder)>& fill);

/// Removes what killed processes left half-written in `parent`, files of AtomicFile included, and restores a
/// folder caught between two renames. To be called while no process writes there. Throws as fail_with does.
void recover_folders(const std::filesystem::path& parent);

}  // namespace arzoo
