#include "speech/yaml_config.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

#include "core/text_file.h"

namespace arzoo::speech {
namespace {

constexpr int kMostLevels = 64;
constexpr int64_t kMostValues = 200000;
constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20U;

template <class Number>
bool reads_as(const std::string& text, Number& number) {
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto read = std::from_chars(begin, end, number);
  return begin != end && read.ec == std::errc() && read.ptr == end;
}

Json scalar(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  int64_t whole = 0;
  if (reads_as(text, whole)) return whole;
  double number = 0.0;
  const bool numeric = text.find_first_not_of("0123456789.eE+-") == std::string::npos;
  if (numeric && reads_as(text, number) && std::isfinite(number)) return number;
  return text;
}

class Converter {
 public:
  explicit Converter(const std::string& name) : name_(name) {}

  Json value(const YAML::Node& node, int level) {
    if (level > kMostLevels) fail<ConfigError>("{}: more than {} levels", name_, kMostLevels);
    if (++values_ > kMostValues) fail<ConfigError>("{}: more than {} values", name_, kMostValues);
    if (node.IsScalar()) return scalar(node);
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const auto& item : node) list.push_back(value(item, level + 1));
      return list;
    }
    if (!node.IsMap()) return nullptr;
    Json object = Json::object();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) fail<ConfigError>("{}: a key that is no text", name_);
      object[member.first.Scalar()] = value(member.second, level + 1);
    }
    return object;
  }

 private:
  const std::string& name_;
  int64_t values_ = 0;
};

}  // namespace

Config load_yaml(const std::filesystem::path& path) {
  const auto name = path.string();
  const auto text = read_text_file(path, kMostBytes);
  require_utf8(text, name);
  try {
    return {Converter(name).value(YAML::Load(text), 0), name};
  } catch (const YAML::Exception& error) {
    fail<ConfigError>("{}:{}: not valid YAML ({})", name, error.mark.line + 1, error.msg);
  }
}

}  // namespace arzoo::speech
