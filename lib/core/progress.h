#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace arzoo {

/// Numbers shown beside the bar, in this order: {{"loss", 0.3482}, {"lr", 1e-4}}.
using NamedValues = std::vector<std::pair<std::string, double>>;

/// What a long piece of work says while it runs. Nothing here reaches stdout, which is for results.
///
/// Phases nest: begin() within a phase shows the inner one until its end(), and the time it took does not
/// count in the rate of the outer one. A phase that was never ended (an exception) is closed by the
/// destructor, which leaves the cursor on a line of its own. To be called from one thread.
class Progress {
 public:
  virtual ~Progress() = default;

  /// Starts a phase of `total` steps (0: unknown), of which `done` are behind us already (a resumed run).
  void begin(std::string_view label, std::int64_t total, std::int64_t done = 0) {
    do_begin(label, total, done);
  }
  /// `count` more steps are done. Values stay on show until the next step that has some.
  void step(const NamedValues& values = {}, std::int64_t count = 1) { do_step(values, count); }
  /// Ends the innermost phase; without one it does nothing.
  void end() { do_end(); }
  /// One line that a user wants to read: a best epoch, where the files are.
  void note(std::string_view text) { do_note(text); }
  /// One line for those who asked for --verbose.
  void detail(std::string_view text) { do_detail(text); }
  /// One line that is shown even with --quiet.
  void warn(std::string_view text) { do_warn(text); }

 private:
  virtual void do_begin(std::string_view label, std::int64_t total, std::int64_t done) = 0;
  virtual void do_step(const NamedValues& values, std::int64_t count) = 0;
  virtual void do_end() = 0;
  virtual void do_note(std::string_view text) = 0;
  virtual void do_detail(std::string_view text) = 0;
  virtual void do_warn(std::string_view text) = 0;
};

enum class Verbosity { quiet, normal, verbose };

/// How the user wants it. The caller reads the environment: nothing below apps/ does.
struct ProgressOptions {
  Verbosity verbosity = Verbosity::normal;
  bool color = true;   ///< false: NO_COLOR is set
  bool redraw = true;  ///< false: TERM=dumb, lines only
};

/// Where progress is written and what time it is; tests replace both.
struct ProgressOutput {
  using Time = std::chrono::steady_clock::time_point;
  std::function<void(std::string_view)> write;
  std::function<Time()> now = std::chrono::steady_clock::now;
  std::function<int()> width = [] { return 80; };  ///< columns of the terminal
};

/// Steps of one phase and how fast they come. The rate is a moving one whose memory fades within about twenty
/// seconds, so that it follows a machine that slows down; a steady speed is met exactly from the first step
/// on.
class Pace {
 public:
  using Time = ProgressOutput::Time;
  Pace(std::int64_t total, std::int64_t done, Time start);

  void step(std::int64_t count, Time now);
  /// Time that the steps did not use (an inner phase).
  void skip(std::chrono::duration<double> pause);

  std::int64_t total() const { return total_; }  ///< 0: unknown
  std::int64_t done() const { return done_; }
  double fraction() const;                               ///< 0..1; 0 when the total is unknown
  double rate() const;                                   ///< steps per second; 0 while unknown
  double seconds_left() const;                           ///< negative while unknown
  double seconds(Time now) const;                        ///< since the start, inner phases included
  std::int64_t fresh() const { return done_ - first_; }  ///< steps made in this phase

 private:
  std::int64_t total_, done_, first_;
  Time start_, last_;
  double steps_ = 0.0, time_ = 0.0;
};

/// The progress of a command whose messages go to stderr: one redrawn line on a terminal, a few plain lines
/// elsewhere, warnings alone when quiet.
std::unique_ptr<Progress> make_progress(const ProgressOptions& options);

/// One line, redrawn at most ten times a second: label, bar, count, rate, time left, values. The cursor is
/// hidden only within one write, so no way of ending the process can leave it hidden.
std::unique_ptr<Progress> make_terminal_progress(const ProgressOptions& options, ProgressOutput output);

/// Plain lines for log files: the first after five seconds, then ever more rarely (a tenth of the time gone
/// by), and one at the end of each phase. An inner phase of less than five seconds says nothing.
std::unique_ptr<Progress> make_line_progress(const ProgressOptions& options, ProgressOutput output);

/// Says nothing, warnings included.
class SilentProgress : public Progress {
 private:
  void do_begin(std::string_view, std::int64_t, std::int64_t) override {}
  void do_step(const NamedValues&, std::int64_t) override {}
  void do_end() override {}
  void do_note(std::string_view) override {}
  void do_detail(std::string_view) override {}
  void do_warn(std::string_view) override {}
};

/// Remembers everything, for tests.
class RecordingProgress : public Progress {
 public:
  struct Phase {
    std::string label;
    std::int64_t total, done;
    bool ended = false;
    std::vector<NamedValues> values;
  };
  std::vector<Phase> phases;  ///< in the order of their begin()
  std::vector<std::string> notes, details, warnings;

 private:
  void do_begin(std::string_view label, std::int64_t total, std::int64_t done) override;
  void do_step(const NamedValues& values, std::int64_t count) override;
  void do_end() override;
  void do_note(std::string_view text) override { notes.emplace_back(text); }
  void do_detail(std::string_view text) override { details.emplace_back(text); }
  void do_warn(std::string_view text) override { warnings.emplace_back(text); }

  std::vector<std::size_t> open_;
};

}  // namespace arzoo
