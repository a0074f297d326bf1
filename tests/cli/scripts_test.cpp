// What scripts/ promise, with programs in place of Python's that do as little.

#include "cli/program.h"

using namespace arzoo::test;

namespace {

/// A python3 whose environments have a bin/python that installs slowly and tells in $LOG what it did.
constexpr const char* kSlowPython = R"(#!/bin/bash
[[ "$1 $2" == "-m venv" ]] || exit 1
mkdir -p "$3/bin"
cat > "$3/bin/python" << 'END'
#!/bin/bash
here=$(dirname "$0")
if [[ $1 == -c ]]; then
  [[ -e $here/../whole ]]
elif [[ $1 == - ]]; then # looks for torch
  if [[ -e $here/../whole ]]; then echo "$here/torch"; fi
else
  touch "$here/../torn"
  sleep 0.3
  echo "installed ${*: -1}" >> "$LOG"
  mv "$here/../torn" "$here/../whole"
fi
END
chmod +x "$3/bin/python"
)";

/// scripts/setup.sh's functions in a shell whose only Python is the slow one.
Ended in_setup_shell(const Program& program, const std::string& commands) {
  program.write("bin/python3", kSlowPython);
  fs::permissions(program.files() / "bin/python3", fs::perms::owner_all);
  // A copy: the script works in the tree that it lies in.
  program.write("tree/scripts/setup.sh", read_file(source_dir() / "scripts/setup.sh"));
  return program.call("bash", {"-c",
                               "export PATH=$PWD/bin:$PATH LOG=$PWD/log; source tree/scripts/setup.sh; "
                               "install_packages() { :; }; " +
                                   commands});
}

}  // namespace

TEST_CASE("two calls at once make one Python environment, and neither sees half of it") {
  const Program program(Library::none);
  const auto ended = in_setup_shell(program,
                                    "use() { python_with env/tools package; [[ -e env/tools/whole && ! -e "
                                    "env/tools/torn ]]; }; use & first=$!; use & wait $first; wait $!");
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(read_file(program.files() / "log") == "installed package\n");
}

TEST_CASE("an environment that was interrupted in its making is made anew, and nothing is left of it") {
  const Program program(Library::none);
  program.write("env/tools.made.abcdef/torn", "");
  program.write("env/tools/torn", "");
  const auto ended = in_setup_shell(program, "python_with env/tools package");
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(fs::exists(program.files() / "env/tools/whole"));
  CHECK_FALSE(fs::exists(program.files() / "env/tools/torn"));
  CHECK_FALSE(fs::exists(program.files() / "env/tools.made.abcdef"));
}

TEST_CASE("two set-ups at once install LibTorch once, and neither sees half of it") {
  const Program program(Library::none);
  program.write("tree/.deps/venv/torn", "");
  const auto ended =
      in_setup_shell(program,
                     "use() { install_torch cpu; has_torch \"$VENV\" cpu; }; use & first=$!; use & "
                     "wait $first; wait $!; find_torch cpu");
  INFO(ended.err);
  CHECK(ended.code == 0);
  const auto log = read_file(program.files() / "log");
  CHECK(count_of(log, "installed") == 1);
  CHECK_THAT(ended.out, ContainsSubstring("tree/.deps/venv/bin/torch"));
  CHECK_FALSE(fs::exists(program.files() / "tree/.deps/venv/torn"));
}

TEST_CASE("CUDA's libraries are added to the LibTorch that is there, and a CPU build takes that as well") {
  const Program program(Library::none);
  const auto ended = in_setup_shell(program,
                                    "install_torch cpu; touch \"$VENV/before\"; install_torch cuda; "
                                    "install_torch cpu; [[ -e $VENV/before ]]");
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(count_of(read_file(program.files() / "log"), "installed") == 2);
  CHECK_THAT(read_file(program.files() / "tree/.deps/venv/.arzoo-installed"), ContainsSubstring("cuda"));
}
