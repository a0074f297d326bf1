#include "runtime/parity.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>

namespace arzoo::runtime {
namespace {

namespace fs = std::filesystem;

bool is_intermediate(std::string_view name) { return name.starts_with("mid.") || name.starts_with("attn."); }

std::vector<int64_t> position(int64_t flat, at::IntArrayRef sizes) {
  std::vector<int64_t> index(sizes.size());
  for (std::size_t d = sizes.size(); d-- > 0;) {
    index[d] = flat % sizes[d];
    flat /= sizes[d];
  }
  return index;
}

ParityOutput compare(const std::string& name, const at::Tensor& value, const at::Tensor& expected,
                     const Tolerance& tolerance) {
  ParityOutput output;
  output.name = name;
  if (value.sizes() != expected.sizes()) {
    output.worst = fmt::format("shape [{}], expected [{}]", fmt::join(value.sizes(), ", "),
                               fmt::join(expected.sizes(), ", "));
    output.max_abs = output.max_rel = std::numeric_limits<double>::infinity();
    return output;
  }
  const auto type = expected.is_complex() ? at::kComplexDouble : at::kDouble;
  const auto a = value.detach().cpu().to(type).reshape(-1), b = expected.cpu().to(type).reshape(-1);
  if (a.numel() == 0) {
    output.passed = true;
    return output;
  }
  // Equal infinities differ by nothing; a NaN anywhere differs by infinity.
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto difference =
      at::where(a == b, at::zeros({}, at::kDouble), (a - b).abs()).nan_to_num(kInfinity, kInfinity);
  const auto size = b.abs();
  // No tolerance is relative to an infinity: it would allow everything.
  const auto excess = difference - (tolerance.atol + tolerance.rtol * size).nan_to_num(0.0, 0.0);
  const auto at = excess.argmax().item<int64_t>();
  output.max_abs = difference.max().item<double>();
  output.max_rel = (difference / size.clamp_min(1e-12)).max().item<double>();
  output.passed = excess[at].item<double>() <= 0.0;
  if (!output.passed && !expected.is_complex()) {
    output.worst =
        fmt::format("[{}]: {:.9g}, expected {:.9g}", fmt::join(position(at, expected.sizes()), ", "),
                    a[at].item<double>(), b[at].item<double>());
  }
  return output;
}

Tolerance read_tolerance(const Config& info) {
  Tolerance tolerance;
  const auto section = info.section("tolerance");
  if (section.has("rtol")) section.at("rtol").read(tolerance.rtol, at_least(0));
  if (section.has("atol")) section.at("atol").read(tolerance.atol, at_least(0));
  return tolerance;
}

/// The tensors under the names that case.json lists, which may say that the file calls one otherwise
/// ("tensor").
NamedTensors with_listed_names(NamedTensors io, const Config& info) {
  for (const char* key : {"inputs", "outputs"}) {
    for (const auto& [name, entry] : info.section(key).members()) {
      if (!entry.has("tensor") || io.contains(name)) continue;
      const auto tensor = io.at(entry.text("tensor"));
      io.add(name, tensor);
    }
  }
  return io;
}

NamedTensors moved(NamedTensors tensors, at::Device device) {
  if (device.is_cpu()) return tensors;
  NamedTensors there(tensors.where());
  for (const auto& [name, tensor] : tensors) there.add(name, tensor.to(device));
  return there;
}

}  // namespace

ParityCase ParityCase::open(const fs::path& folder, at::Device device) {
  const auto real = fs::weakly_canonical(folder);
  if (!fs::exists(real / "case.json")) {
    fail<CheckpointError>(
        "{}: no case.json (expected a fixture folder: config.json, case.json, io.safetensors, "
        "weights.safetensors)",
        folder.string());
  }
  auto info = Config::load(real / "case.json"), config = Config::load(real / "config.json");
  auto tolerance = read_tolerance(info);
  auto io = moved(with_listed_names(open_tensors(real / "io.safetensors"), info), device);
  return {real,
          (real.parent_path().filename() / real.filename()).string(),
          std::move(info),
          std::move(config),
          std::move(io),
          tolerance,
          device};
}

ParityCase ParityCase::on_cpu() const {
  auto same = open(folder);
  same.notes = notes;
  return same;
}

NamedTensors ParityCase::weights() const {
  const auto holder = info.has("weights_same_as")
                          ? folder.parent_path() / fs::path(info.text("weights_same_as")).filename()
                          : folder;
  return moved(open_tensors(holder / "weights.safetensors"), device);
}

void ParityCase::load(torch::nn::Module& module, const NamedTensors& tensors) const {
  load_strictly(module, tensors, name);
  note_tables(module, tensors);
  module.to(device);
}

void ParityCase::note_tables(const torch::nn::Module& module, const NamedTensors& tensors) const {
  const auto differences = table_differences(module, tensors);
  const auto add = [&](const std::vector<std::string>& names, std::string_view what) {
    if (names.empty()) return;
    auto note = fmt::format("{}: {}", what, fmt::join(names, ", "));
    if (std::find(notes->begin(), notes->end(), note) == notes->end()) notes->push_back(std::move(note));
  };
  add(differences.missing, "tables that the weights lack are computed");
  add(differences.foreign, "tables that the model does not have are ignored");
}

std::vector<std::string> ParityCase::output_names() const {
  std::vector<std::string> names;
  for (const auto& [name, ignored] : info.at("outputs").members()) names.push_back(name);
  return names;
}

fs::path ParityCase::dataset(const std::string& file) const {
  if (fs::exists(folder / file)) return folder / file;
  for (auto parent = folder.parent_path(); parent != parent.parent_path(); parent = parent.parent_path()) {
    if (!fs::is_directory(parent / "datasets")) continue;
    for (const auto& entry : fs::recursive_directory_iterator(parent / "datasets")) {
      if (entry.path().filename() == file) return entry.path();
    }
  }
  fail<DataError>("{}: needs {}, found neither in the folder nor below a datasets/ folder beside its parents",
                  name, file);
}

void ParityReport::check(const std::string& name, const at::Tensor& value) {
  check(name, value, fixture_.tolerance);
}

void ParityReport::check(const std::string& name, const at::Tensor& value, const Tolerance& tolerance) {
  outputs_.push_back(compare(name, value, fixture_.io.at(name), tolerance));
}

void ParityReport::check_value(const std::string& name, const at::Tensor& value, const at::Tensor& expected,
                               const Tolerance& tolerance) {
  outputs_.push_back(compare(name, value, expected, tolerance));
}

void ParityReport::check_value(const std::string& name, double value, double expected,
                               const Tolerance& tolerance) {
  check_value(name, at::tensor(value, at::kDouble), at::tensor(expected, at::kDouble), tolerance);
}

void ParityReport::inform(const std::string& name, const at::Tensor& value) {
  if (!fixture_.io.contains(name)) return;
  outputs_.push_back(compare(name, value, fixture_.io.at(name), fixture_.tolerance));
  outputs_.back().informative = true;
}

std::vector<std::string> ParityReport::unchecked() const {
  std::vector<std::string> left;
  for (const auto& name : fixture_.output_names()) {
    const bool seen = std::any_of(outputs_.begin(), outputs_.end(),
                                  [&](const auto& output) { return output.name == name; });
    if (!seen && !is_intermediate(name)) left.push_back(name);
  }
  return left;
}

bool ParityReport::passed() const {
  const bool all = std::all_of(outputs_.begin(), outputs_.end(),
                               [](const auto& output) { return output.passed || output.informative; });
  const bool any =
      std::any_of(outputs_.begin(), outputs_.end(), [](const auto& output) { return !output.informative; });
  return all && any && unchecked().empty();
}

}  // namespace arzoo::runtime
