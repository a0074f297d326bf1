#include "core/progress.h"

#include "support/test.h"

using namespace arzoo;
using test::count_of;

namespace {

/// What a Progress writes, with a clock that moves only when told.
struct Screen {
  std::string text;
  double seconds = 0.0;
  int columns = 100;
  int writes = 0;

  ProgressOutput output() {
    ProgressOutput out;
    out.write = [this](std::string_view written) {
      text += written;
      ++writes;
    };
    out.now = [this] {
      return ProgressOutput::Time(
          std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds)));
    };
    out.width = [this] { return columns; };
    return out;
  }
  /// What is on the terminal's current line.
  std::string last_line() const {
    std::string line = text.substr(text.rfind("\x1b[K") + 3);
    const auto show = line.find("\x1b[?25h");
    return show == std::string::npos ? line : line.substr(0, show);
  }
};

constexpr ProgressOptions kPlain{Verbosity::normal, false, true};

std::size_t code_points(const std::string& text) {
  std::size_t count = 0;
  for (const char byte : text) count += (byte & 0xC0) != 0x80;
  return count;
}

}  // namespace

TEST_CASE("a steady pace gives the exact rate and time left from the first step on", "[progress_test]") {
  const ProgressOutput::Time start{};
  Pace pace(100, 0, start);
  CHECK(pace.rate() == 0.0);
  CHECK(pace.seconds_left() < 0.0);
  for (int i = 1; i <= 40; ++i) {
    pace.step(1, start + std::chrono::milliseconds(500 * i));
    CHECK(pace.rate() == Approx(2.0));
  }
  CHECK(pace.seconds_left() == Approx(30.0));
  CHECK(pace.fraction() == Approx(0.4));
}

TEST_CASE("the rate follows a machine that slows down", "[progress_test]") {
  const ProgressOutput::Time start{};
  Pace pace(0, 0, start);
  for (int i = 1; i <= 100; ++i) pace.step(1, start + std::chrono::milliseconds(100 * i));
  for (int i = 1; i <= 120; ++i) pace.step(1, start + std::chrono::seconds(10 + i));
  CHECK(pace.rate() == Approx(1.0).epsilon(0.05));
}

TEST_CASE("a resumed phase counts only its own steps in the rate", "[progress_test]") {
  const ProgressOutput::Time start{};
  Pace pace(1000, 900, start);
  pace.step(10, start + std::chrono::seconds(10));
  CHECK(pace.done() == 910);
  CHECK(pace.rate() == Approx(1.0));
  CHECK(pace.seconds_left() == Approx(90.0));
}

TEST_CASE("the terminal's line has label, bar, count, time left, values and rate", "[progress_test]") {
  Screen screen;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->begin("train", 200);
  screen.seconds = 10.0;
  progress->step({{"loss", 0.348219}, {"lr", 1e-5}}, 50);
  CHECK(screen.last_line() ==
        "train  ━━━━━━━╸┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄   50/200  eta 30s  loss 0.3482  5/s  lr 1e-05");
  progress->step({}, 0);
  CHECK_THAT(screen.last_line(), ContainsSubstring("loss 0.3482"));
}

TEST_CASE("the terminal's line is never wider than the terminal", "[progress_test]") {
  const int columns = GENERATE(1, 20, 31, 40, 57, 80, 200);
  Screen screen;
  screen.columns = columns;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->begin("a label that is far longer than anybody would want it to be", 1000);
  screen.seconds = 7.0;
  progress->step({{"loss", 0.25}, {"mse", 0.5}, {"a_very_long_name_of_a_value", 0.75}}, 123);
  CHECK(code_points(screen.last_line()) < static_cast<std::size_t>(std::max(columns, 20)));
}

TEST_CASE("the terminal is redrawn at most ten times a second", "[progress_test]") {
  Screen screen;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->begin("train", 10000);
  for (int i = 1; i <= 10000; ++i) {
    screen.seconds = i * 1e-4;
    progress->step({{"loss", 1.5}});
  }
  CHECK(screen.writes <= 11);
  CHECK(screen.writes >= 9);
}

TEST_CASE("every write that hides the cursor shows it again", "[progress_test]") {
  Screen screen;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->begin("train", 3);
  screen.seconds = 1.0;
  progress->step();
  CHECK(count_of(screen.text, "\x1b[?25l") == 2);
  CHECK(count_of(screen.text, "\x1b[?25h") == 2);
}

TEST_CASE("a note on a terminal stands above the line, which is drawn again", "[progress_test]") {
  Screen screen;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->begin("train", 3);
  progress->note("best epoch 2");
  CHECK_THAT(screen.text, ContainsSubstring("\r\x1b[Kbest epoch 2\n"));
  CHECK_THAT(screen.last_line(), ContainsSubstring("train"));
}

TEST_CASE("an unfinished terminal line is closed, so that an error message starts on its own",
          "[progress_test]") {
  Screen screen;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->begin("train", 3);
  progress.reset();
  CHECK(screen.text.back() == '\n');
}

TEST_CASE("an inner phase takes the line and does not slow the outer one", "[progress_test]") {
  Screen screen;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->begin("train", 10);
  screen.seconds = 1.0;
  progress->step();
  progress->begin("validate", 4);
  CHECK_THAT(screen.last_line(), ContainsSubstring("validate"));
  screen.seconds = 31.0;
  progress->step({}, 4);
  progress->end();
  CHECK_THAT(screen.last_line(), ContainsSubstring("train"));
  screen.seconds = 32.0;
  progress->step();
  CHECK_THAT(screen.last_line(), ContainsSubstring("eta 8.0s") && ContainsSubstring("1/s"));
}

TEST_CASE("a log file gets few lines, and one at the end of each phase", "[progress_test]") {
  Screen screen;
  auto progress = make_line_progress(kPlain, screen.output());
  progress->begin("train", 86400);
  for (int i = 1; i <= 86400; ++i) {
    screen.seconds = i;
    progress->step({{"loss", 0.5}});
  }
  progress->end();
  const auto lines = count_of(screen.text, "\n");
  CHECK(lines > 20);
  CHECK(lines < 120);
  CHECK(screen.text.substr(0, screen.text.find('\n')) ==
        "train: 5/86400 (0%), 1/s, 23h59m left, loss 0.5000");
  CHECK_THAT(screen.text, Catch::Matchers::EndsWith("train: 86400/86400 in 1d00h, 1/s, loss 0.5000\n"));
}

TEST_CASE("a short inner phase leaves no line in a log file", "[progress_test]") {
  Screen screen;
  auto progress = make_line_progress(kPlain, screen.output());
  progress->begin("train", 2);
  progress->begin("validate", 2);
  screen.seconds = 1.0;
  progress->end();
  CHECK(screen.text.empty());
}

TEST_CASE("verbosity decides what is said, and a warning is always said", "[progress_test]") {
  Verbosity verbosity;
  std::string expected;
  std::tie(verbosity, expected) = GENERATE(table<Verbosity, std::string>({
      {Verbosity::quiet, "warning: w\n"},
      {Verbosity::normal, "n\nwarning: w\np: 1/1 in 0.0s\n"},
      {Verbosity::verbose, "n\nd\nwarning: w\np: 1/1 in 0.0s\n"},
  }));
  Screen screen;
  auto progress = make_line_progress({verbosity, false, false}, screen.output());
  progress->note("n");
  progress->detail("d");
  progress->warn("w");
  progress->begin("p", 1);
  progress->step();
  progress->end();
  CHECK(screen.text == expected);
}

TEST_CASE("without colour there is no colour code", "[progress_test]") {
  Screen plain, colored;
  make_line_progress({Verbosity::normal, false, true}, plain.output())->warn("w");
  make_line_progress({Verbosity::normal, true, true}, colored.output())->warn("w");
  CHECK(plain.text == "warning: w\n");
  CHECK(colored.text == "\x1b[33mwarning:\x1b[0m w\n");
}

TEST_CASE("control characters in a name cannot reach the terminal", "[progress_test]") {
  Screen screen;
  make_line_progress(kPlain, screen.output())
      ->note(
          "a\x1b[2J\nb\xC2\x9B"
          "c\x7F");
  CHECK(screen.text == "a [2J b c \n");
}

TEST_CASE("the recorder remembers nested phases, values and messages", "[progress_test]") {
  RecordingProgress progress;
  progress.begin("train", 5, 2);
  progress.step({{"loss", 0.5}});
  progress.begin("validate", 1);
  progress.step();
  progress.end();
  progress.step({{"loss", 0.25}}, 2);
  progress.warn("careful");
  REQUIRE(progress.phases.size() == 2);
  CHECK(progress.phases[0].done == 5);
  CHECK(progress.phases[0].values.back() == NamedValues{{"loss", 0.25}});
  CHECK_FALSE(progress.phases[0].ended);
  CHECK(progress.phases[1].ended);
  CHECK(progress.warnings == std::vector<std::string>{"careful"});
}

TEST_CASE("end and step without a phase do nothing", "[progress_test]") {
  Screen screen;
  auto progress = make_terminal_progress(kPlain, screen.output());
  progress->end();
  progress->step();
  CHECK(screen.text.empty());
}
