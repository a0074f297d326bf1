#include "speech/time_stamp_files.h"

#include <fmt/format.h>

#include <cmath>

#include "core/atomic_file.h"

namespace arzoo::speech {
namespace {

std::string clock(double seconds) {
  const auto all = std::llround(seconds * 1000.0);
  return fmt::format("{:02}:{:02}:{:02},{:03}", all / 3600000, all / 60000 % 60, all / 1000 % 60, all % 1000);
}

/// Praat doubles quotes.
std::string praat_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string without_tabs(std::string text) {
  for (auto& c : text) {
    if (c == '\t' || c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

std::string tsv_of(const std::vector<NamedTranscript>& recordings) {
  std::string text = "file\tbegin\tend\ttoken\tconfidence\n";
  for (const auto& [name, transcript] : recordings) {
    for (const auto& token : transcript.tokens)
      text += fmt::format("{}\t{:.3f}\t{:.3f}\t{}\t{:.4f}\n", without_tabs(name), token.begin, token.end,
                          without_tabs(token.text), token.confidence);
  }
  return text;
}

std::string srt_of(const Transcript& transcript) {
  constexpr double kLongest = 5.0, kPause = 0.8;
  std::string text;
  const auto& tokens = transcript.tokens;
  int64_t number = 0;
  for (std::size_t i = 0; i < tokens.size();) {
    const auto first = i;
    std::vector<std::string> own;
    while (i < tokens.size() && (i == first || (tokens[i].end - tokens[first].begin <= kLongest &&
                                                tokens[i].begin - tokens[i - 1].end <= kPause)))
      own.push_back(without_tabs(tokens[i++].text));
    text += fmt::format("{}\n{} --> {}\n{}\n\n", ++number, clock(tokens[first].begin),
                        clock(tokens[i - 1].end), joined_text(own));
  }
  return text;
}

std::string text_grid_of(const Transcript& transcript) {
  struct Interval {
    double begin, end;
    std::string text;
  };
  std::vector<Interval> intervals;
  double at = 0.0;
  for (const auto& token : transcript.tokens) {
    const double begin = std::max(at, token.begin), end = std::max(begin, token.end);
    if (begin > at) intervals.push_back({at, begin, ""});
    if (end > begin) intervals.push_back({begin, end, token.text});
    at = end;
  }
  if (transcript.seconds > at || intervals.empty())
    intervals.push_back({at, std::max(at, transcript.seconds), ""});
  const double last = intervals.back().end;
  std::string text = fmt::format(
      "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0\nxmax = {0}\ntiers? "
      "<exists>\nsize = 1\n"
      "item []:\n    item [1]:\n        class = \"IntervalTier\"\n        name = \"tokens\"\n        xmin = "
      "0\n"
      "        xmax = {0}\n        intervals: size = {1}\n",
      last, intervals.size());
  for (std::size_t i = 0; i < intervals.size(); ++i)
    text += fmt::format(
        "        intervals [{}]:\n            xmin = {}\n            xmax = {}\n            text = {}\n",
        i + 1, intervals[i].begin, intervals[i].end, praat_text(intervals[i].text));
  return text;
}

void write_time_stamps(const std::filesystem::path& path, const std::vector<NamedTranscript>& recordings) {
  const auto extension = path.extension();
  if (extension == ".tsv") return write_atomically(path, tsv_of(recordings));
  if (recordings.size() != 1)
    fail<UsageError>("--timestamps: {}: {} recordings, expected one (NAME.tsv takes any number)",
                     path.string(), recordings.size());
  const auto& transcript = recordings.front().transcript;
  write_atomically(path, extension == ".srt" ? srt_of(transcript) : text_grid_of(transcript));
}

}  // namespace arzoo::speech
