#include "shape3d/token_commands.h"

#include <torch/torch.h>

#include <chrono>

#include "core/atomic_file.h"
#include "core/json.h"
#include "io/mesh_file.h"
#include "io/token_file.h"
#include "runtime/device.h"
#include "runtime/tensor_digests.h"
#include "shape3d/implicit_shape.h"
#include "shape3d/latent_surface.h"
#include "shape3d/point_tensor.h"
#include "shape3d/shape_data.h"

namespace arzoo::shape3d {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A model that codes shapes by tokens, and what its token files say of it.
struct OpenedCoder {
  ModelFolder folder;
  std::shared_ptr<ShapeAutoencoder> model = nullptr;
  uint64_t digest = 0;

  at::Device device() const { return model->module().parameters().front().device(); }
};

/// Of the model's options and weights, whatever folder they lie in.
uint64_t digest_of(const ModelFolder& folder) {
  std::string sums;
  for (const auto& [name, tensor] : runtime::open_tensors(folder.path)) {
    const auto whole = tensor.contiguous();
    const std::string_view bytes(static_cast<const char*>(whole.const_data_ptr()), whole.nbytes());
    sums += fmt::format("{} {:08x}\n", name, runtime::crc32_of(bytes));
  }
  return (uint64_t{runtime::crc32_of(dump_json(folder.model))} << 32) | runtime::crc32_of(sums);
}

OpenedCoder open_coder(const std::filesystem::path& path, const plan::ComputeOptions& options) {
  runtime::set_threads(options.threads);
  const auto compute = runtime::select_compute(options.device, options.dtype, options.quantize);
  OpenedCoder coder{.folder = open_model_folder(path)};
  coder.model = load_autoencoder(coder.folder, compute.dtype);
  if (coder.model->vocabulary() == 0)
    fail<UsageError>("--model: {}: a {} has no tokens, expected a vat, g3pt_vq or argus3d_vq", path.string(),
                     coder.folder.model.at("name").get<std::string>());
  coder.model->module().to(compute.device);
  coder.digest = digest_of(coder.folder);
  return coder;
}

/// A mesh as the model sees it; one that is not closed as it comes, with a note.
NormalisedMesh read_normalised(const std::filesystem::path& path, Progress& progress) {
  const auto mesh = io::read_mesh(path);
  if (summarise(io::welded(mesh)).is_watertight()) return normalised(mesh, path.string());
  progress.note(fmt::format("{}: not closed: its normals are taken as they are", path.string()));
  const auto place = placement(mesh, kSolidHalf);
  return {.mesh = placed(mesh, place), .place = place};
}

io::TokenFile coded_file(OpenedCoder& coder, const NormalisedMesh& mesh, uint64_t seed) {
  constexpr int64_t kSpare = 4;
  std::mt19937_64 random(seed);
  const int64_t points = coder.folder.facts.surface_points;
  const auto surface = tensor_of(sample_surface(mesh.mesh, kSpare * points, random));
  const auto clouds = sample_clouds(surface, points, coder.model->levels(), random).to(coder.device());
  const auto code = coder.model->code(clouds).cpu().flatten().contiguous();
  const auto& place = mesh.place;
  io::TokenFile file{.model = coder.digest,
                     .vocabulary = static_cast<uint32_t>(coder.model->vocabulary()),
                     .placement = {place.centre.x, place.centre.y, place.centre.z, place.scale}};
  const auto* ids = code.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < code.numel(); ++i) file.tokens.push_back(static_cast<uint32_t>(ids[i]));
  return file;
}

/// Throws DataError unless the file is of this model.
void check_file(const io::TokenFile& file, const OpenedCoder& coder, const plan::DecodeTask& task) {
  const auto where = task.input.string();
  if (file.model != coder.digest)
    fail<DataError>("{}: the tokens of a model {:016x}, but {} is {:016x} (another model's file)", where,
                    file.model, task.model.string(), coder.digest);
  if (file.vocabulary != static_cast<uint32_t>(coder.model->vocabulary()) ||
      static_cast<int64_t>(file.tokens.size()) != coder.model->token_count() || file.placement.size() != 4)
    fail<DataError>("{}: {} tokens of {} values, expected {} of {} and a placement of 4 numbers", where,
                    file.tokens.size(), file.vocabulary, coder.model->token_count(),
                    coder.model->vocabulary());
  if (!(file.placement[3] > 0.0F))
    fail<DataError>("{}: a scale of {}, expected more than 0", where, file.placement[3]);
}

}  // namespace

Json run_encode(const plan::EncodeTask& task, const runtime::CommandContext& context) {
  const torch::NoGradGuard no_grad;
  auto coder = open_coder(task.model, task.compute);
  const auto mesh = read_normalised(task.input, context.progress);
  const int bits = io::token_bits(static_cast<uint32_t>(coder.model->vocabulary()));
  if (task.dry_run)
    return {
        {"plan", {{"tokens", coder.model->token_count()}, {"bits", bits}, {"output", task.output.string()}}}};
  const auto begin = Clock::now();
  const auto file = coded_file(coder, mesh, static_cast<uint64_t>(task.compute.seed.value_or(0)));
  const auto bytes = io::token_file_bytes(file);
  write_atomically(task.output, bytes);
  const auto before = std::filesystem::file_size(task.input);
  return {{"output", task.output.string()},
          {"bytes", bytes.size()},
          {"input_bytes", before},
          {"ratio", static_cast<double>(before) / static_cast<double>(bytes.size())},
          {"tokens", file.tokens.size()},
          {"bits", bits},
          {"seconds", seconds_since(begin)}};
}

Json run_decode(const plan::DecodeTask& task, const runtime::CommandContext&) {
  const torch::NoGradGuard no_grad;
  const auto file = io::read_token_file(task.input);
  auto coder = open_coder(task.model, task.compute);
  check_file(file, coder, task);
  if (task.dry_run) return {{"plan", {{"tokens", file.tokens.size()}, {"output", task.output.string()}}}};
  const auto begin = Clock::now();
  const std::vector<int64_t> ids(file.tokens.begin(), file.tokens.end());
  SurfaceOptions options{.resolution = task.resolution};
  options.refinement.dense = task.dense;
  auto surface =
      latent_surface(*coder.model, at::tensor(ids, at::kLong).unsqueeze(0).to(coder.device()), options);
  if (surface.mesh.triangles.empty())
    fail<CheckFailed>("{}: nothing is inside of the shape", task.input.string());
  const Placement place{{file.placement[0], file.placement[1], file.placement[2]}, file.placement[3]};
  for (auto& vertex : surface.mesh.vertices) vertex = place.back(vertex);
  write_atomically(task.output, io::encode_mesh(surface.mesh, io::mesh_format(task.output)));
  const auto summary = summarise(surface.mesh);
  return {{"output", task.output.string()}, {"vertices", summary.vertices},
          {"triangles", summary.triangles}, {"watertight", summary.is_watertight()},
          {"asked_points", surface.asked},  {"seconds", seconds_since(begin)}};
}

}  // namespace arzoo::shape3d
