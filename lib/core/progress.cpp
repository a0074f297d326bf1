#include "core/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "core/display_text.h"

namespace arzoo {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kRateMemory = 20.0;  // seconds after which a step has lost most of its weight
constexpr double kRedraw = 0.1;       // seconds between two redraws of the bar
constexpr double kFirstLine = 5.0;    // seconds before a plain line is worth a place in a log
constexpr double kLineGrowth = 0.1;   // of the time gone by: a day's log stays a few dozen lines long
constexpr std::size_t kWidestBar = 30;
constexpr std::size_t kNarrowestBar = 8;

std::string rate_text(double rate) {
  if (rate <= 0.0) return "";
  return rate >= 1.0 ? fmt::format("{}/s", short_number(rate))
                     : fmt::format("{}/step", short_duration(1.0 / rate));
}

std::string count_text(const Pace& pace) {
  return pace.total() > 0 ? fmt::format("{}/{}", pace.done(), pace.total()) : fmt::format("{}", pace.done());
}

std::string values_text(const NamedValues& values, std::string_view separator) {
  std::string text;
  for (const auto& [name, value] : values) {
    text += fmt::format("{}{} {}", text.empty() ? "" : separator, one_line(name), short_number(value));
  }
  return text;
}

void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    // Progress that cannot be shown is no reason to stop the work.
    if (written < 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

int stderr_width() {
  struct winsize size {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// What the printing kinds share: the stack of phases, and which messages are wanted.
class PrintedProgress : public Progress {
 public:
  PrintedProgress(const ProgressOptions& options, ProgressOutput output)
      : options_(options), output_(std::move(output)) {}

 protected:
  struct Phase {
    std::string label;
    Pace pace;
    NamedValues values;
    ProgressOutput::Time shown;  // when it last had something printed
  };

  std::string colored(const char* code, std::string_view text) const {
    return options_.color && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  /// The closing line of a phase: how many steps, in what time, with what last values.
  std::string summary(const Phase& phase, ProgressOutput::Time now) const {
    const double seconds = phase.pace.seconds(now);
    std::string text =
        fmt::format("{}: {} in {}", phase.label, count_text(phase.pace), short_duration(seconds));
    if (seconds > 0.0 && phase.pace.fresh() > 0) {
      text += ", " + rate_text(static_cast<double>(phase.pace.fresh()) / seconds);
    }
    const std::string values = values_text(phase.values, ", ");
    return values.empty() ? text : text + ", " + values;
  }

  ProgressOptions options_;
  ProgressOutput output_;
  std::vector<Phase> phases_;

 private:
  virtual void print_line(const std::string& line) = 0;
  virtual void stepped(Phase& phase, ProgressOutput::Time now) = 0;
  virtual void began(ProgressOutput::Time now) = 0;
  virtual void ended(const Phase& phase, ProgressOutput::Time now) = 0;

  void do_begin(std::string_view label, std::int64_t total, std::int64_t done) override {
    if (options_.verbosity == Verbosity::quiet) return;
    const auto now = output_.now();
    phases_.push_back({one_line(label), Pace(total, done, now), {}, now});
    began(now);
  }
  void do_step(const NamedValues& values, std::int64_t count) override {
    if (phases_.empty()) return;
    const auto now = output_.now();
    Phase& phase = phases_.back();
    phase.pace.step(count, now);
    if (!values.empty()) phase.values = values;
    stepped(phase, now);
  }
  void do_end() override {
    if (phases_.empty()) return;
    const auto now = output_.now();
    const Phase phase = std::move(phases_.back());
    phases_.pop_back();
    if (!phases_.empty()) phases_.back().pace.skip(Seconds(phase.pace.seconds(now)));
    ended(phase, now);
  }
  void do_note(std::string_view text) override {
    if (options_.verbosity != Verbosity::quiet) print_line(one_line(text));
  }
  void do_detail(std::string_view text) override {
    if (options_.verbosity == Verbosity::verbose) print_line(colored("2", one_line(text)));
  }
  void do_warn(std::string_view text) override {
    print_line(colored("33", "warning:") + ' ' + one_line(text));
  }
};

class LineProgress final : public PrintedProgress {
 public:
  using PrintedProgress::PrintedProgress;

 private:
  void print_line(const std::string& line) override { output_.write(line + '\n'); }
  void began(ProgressOutput::Time) override {}
  void stepped(Phase& phase, ProgressOutput::Time now) override {
    const double interval = std::max(kFirstLine, kLineGrowth * phase.pace.seconds(now));
    if (Seconds(now - phase.shown).count() < interval || phase.pace.done() == phase.pace.total()) return;
    phase.shown = now;
    std::string line = fmt::format("{}: {}", phase.label, count_text(phase.pace));
    if (phase.pace.total() > 0) line += fmt::format(" ({:.0f}%)", std::floor(100.0 * phase.pace.fraction()));
    if (phase.pace.rate() > 0.0) line += ", " + rate_text(phase.pace.rate());
    if (phase.pace.seconds_left() >= 0.0)
      line += fmt::format(", {} left", short_duration(phase.pace.seconds_left()));
    if (!phase.values.empty()) line += ", " + values_text(phase.values, ", ");
    print_line(line);
  }
  void ended(const Phase& phase, ProgressOutput::Time now) override {
    if (phases_.empty() || phase.pace.seconds(now) >= kFirstLine) print_line(summary(phase, now));
  }
};

class TerminalProgress final : public PrintedProgress {
 public:
  using PrintedProgress::PrintedProgress;
  ~TerminalProgress() override {
    if (drawn_) output_.write("\n");
  }
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;

 private:
  static constexpr std::string_view kClearLine = "\r\x1b[K";

  void print_line(const std::string& line) override {
    output_.write((drawn_ ? std::string(kClearLine) : "") + line + '\n');
    drawn_ = false;
    if (!phases_.empty()) draw(phases_.back(), output_.now());
  }
  void began(ProgressOutput::Time now) override { draw(phases_.back(), now); }
  void stepped(Phase& phase, ProgressOutput::Time now) override {
    if (Seconds(now - phase.shown).count() >= kRedraw) draw(phase, now);
  }
  void ended(const Phase& phase, ProgressOutput::Time now) override {
    if (phases_.empty()) {
      print_line(summary(phase, now));
    } else {
      draw(phases_.back(), now);
    }
  }

  void draw(Phase& phase, ProgressOutput::Time now) {
    phase.shown = now;
    output_.write(fmt::format("\x1b[?25l{}{}\x1b[?25h", kClearLine, line(phase)));
    drawn_ = true;
  }

  /// The parts in the order of their importance as far as the width goes, the bar stretched over what is
  /// left.
  std::string line(const Phase& phase) const {
    // The last column stays free: some terminals wrap as soon as it is written.
    const auto width = static_cast<std::size_t>(std::max(20, output_.width())) - 1;
    const std::string label = shortened(phase.label, std::min<std::size_t>(24, width / 3));
    // As wide as it will ever be, so that what follows stays where it is.
    const std::string count =
        fmt::format("{:>{}}", count_text(phase.pace), 2 * fmt::formatted_size("{}", phase.pace.total()) + 1);
    std::size_t used = display_width(label) + 2 + count.size();
    const bool bar = phase.pace.total() > 0 && used + 2 + kNarrowestBar <= width;
    if (bar) used += 2 + kNarrowestBar;

    std::vector<std::string> parts;
    if (phase.pace.seconds_left() >= 0.0) parts.push_back("eta " + short_duration(phase.pace.seconds_left()));
    for (const auto& value : phase.values) parts.push_back(values_text({value}, ""));
    if (phase.pace.rate() > 0.0) {
      const auto after_loss =
          parts.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, parts.size()));
      parts.insert(after_loss, rate_text(phase.pace.rate()));
    }
    std::string tail;
    for (const auto& part : parts) {
      if (used + 2 + display_width(part) > width) break;
      used += 2 + display_width(part);
      tail += "  " + part;
    }
    const std::string head = colored("1", label) + "  ";
    if (!bar) return head + count + tail;
    const std::size_t cells = std::min(kWidestBar, kNarrowestBar + width - used);
    return head + bar_text(phase.pace.fraction(), cells) + "  " + count + tail;
  }

  std::string bar_text(double fraction, std::size_t cells) const {
    const auto halves = static_cast<std::size_t>(std::floor(fraction * 2.0 * static_cast<double>(cells)));
    std::string full, rest;
    for (std::size_t i = 0; i < halves / 2; ++i) full += "━";
    if (halves % 2 == 1) full += "╸";
    for (std::size_t i = (halves + 1) / 2; i < cells; ++i) rest += options_.color ? "━" : "┄";
    return colored("36", full) + colored("2", rest);
  }

  bool drawn_ = false;
};

}  // namespace

Pace::Pace(std::int64_t total, std::int64_t done, Time start)
    : total_(std::max<std::int64_t>(total, 0)), done_(done), first_(done), start_(start), last_(start) {}

void Pace::step(std::int64_t count, Time now) {
  const double passed = std::max(0.0, Seconds(now - last_).count());
  const double kept = std::exp(-passed / kRateMemory);
  steps_ = steps_ * kept + static_cast<double>(count);
  time_ = time_ * kept + passed;
  done_ += count;
  last_ = now;
}

void Pace::skip(Seconds pause) { last_ += std::chrono::duration_cast<Time::duration>(pause); }

double Pace::fraction() const {
  if (total_ == 0) return 0.0;
  return std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0);
}

double Pace::rate() const { return time_ > 0.0 ? steps_ / time_ : 0.0; }

double Pace::seconds_left() const {
  if (total_ == 0 || rate() <= 0.0) return -1.0;
  return static_cast<double>(std::max<std::int64_t>(total_ - done_, 0)) / rate();
}

double Pace::seconds(Time now) const { return std::max(0.0, Seconds(now - start_).count()); }

std::unique_ptr<Progress> make_progress(const ProgressOptions& options) {
  ProgressOutput output{write_to_stderr, std::chrono::steady_clock::now, stderr_width};
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  ProgressOptions shown = options;
  shown.color = options.color && terminal && options.redraw;
  if (terminal && options.redraw) return make_terminal_progress(shown, std::move(output));
  return make_line_progress(shown, std::move(output));
}

std::unique_ptr<Progress> make_terminal_progress(const ProgressOptions& options, ProgressOutput output) {
  return std::make_unique<TerminalProgress>(options, std::move(output));
}

std::unique_ptr<Progress> make_line_progress(const ProgressOptions& options, ProgressOutput output) {
  return std::make_unique<LineProgress>(options, std::move(output));
}

void RecordingProgress::do_begin(std::string_view label, std::int64_t total, std::int64_t done) {
  open_.push_back(phases.size());
  phases.push_back({std::string(label), total, done, false, {}});
}

void RecordingProgress::do_step(const NamedValues& values, std::int64_t count) {
  if (open_.empty()) return;
  Phase& phase = phases[open_.back()];
  phase.done += count;
  if (!values.empty()) phase.values.push_back(values);
}

void RecordingProgress::do_end() {
  if (open_.empty()) return;
  phases[open_.back()].ended = true;
  open_.pop_back();
}

}  // namespace arzoo
