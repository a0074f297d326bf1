#include "shape3d/argus3d_vq_model.h"

#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "nn/conv_blocks.h"
#include "nn/embedding_table.h"
#include "nn/storage_type.h"
#include "shape3d/linear_start.h"
#include "shape3d/occupancy_metrics.h"

namespace arzoo::shape3d {
namespace {

using Convolutions = std::vector<std::shared_ptr<nn::Conv2d>>;

/// A torch.nn.Sequential of convolutions at these places, what lies between has no weights.
Convolutions register_sequence(torch::nn::Module& owner, const char* name,
                               const std::vector<std::pair<int, nn::ConvShape>>& shapes) {
  const auto sequence = owner.register_module(name, std::make_shared<torch::nn::Module>());
  Convolutions convolutions;
  for (const auto& [place, shape] : shapes)
    convolutions.push_back(
        sequence->register_module(std::to_string(place), std::make_shared<nn::Conv2d>(shape)));
  return convolutions;
}

nn::ConvShape same_size(int64_t in, int64_t out) { return {.in = in, .out = out}; }
nn::ConvShape halving(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 2, .stride = 2, .padding = 0};
}
nn::ConvShape pointwise(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 1, .stride = 1, .padding = 0};
}

/// All convolutions with a ReLU behind each but the last; growing: twice the side before each but the last.
at::Tensor passed(const Convolutions& convolutions, at::Tensor x, bool growing = false) {
  for (std::size_t i = 0; i < convolutions.size(); ++i) {
    const bool last = i + 1 == convolutions.size();
    if (growing && !last) x = doubled(x);
    x = convolutions[i]->forward(x);
    if (!last) x = x.relu_();
  }
  return x;
}

void traced(runtime::Trace* trace, const char* name, const at::Tensor& value) {
  if (trace != nullptr) trace->emplace_back(name, value);
}

}  // namespace

TriplaneQuantizer::TriplaneQuantizer(const Argus3dVqOptions& options) : c_dim_(options.c_dim) {
  const auto& w = options.widths;
  const int64_t c = options.c_dim, e = options.embedding_dim;
  const auto quantizer = register_module("quantizer", std::make_shared<torch::nn::Module>());
  codebook_ = nn::register_table(*quantizer, "embedding", options.embedding_num, options.reduce_dim);
  unet_after_quant_ = register_module("unet_after_quant", std::make_shared<UNet2d>(e, options.unet_kwargs));
  project1_ = register_module("project1", std::make_shared<nn::LinearLayer>(e, options.reduce_dim));
  project2_ = register_module("project2", std::make_shared<nn::LinearLayer>(options.reduce_dim, e));
  down_ = register_sequence(*this, "down",
                            {{0, halving(w[0], w[1])},
                             {2, halving(w[1], w[2])},
                             {4, halving(w[2], w[3])},
                             {6, pointwise(w[3], e)}});
  up_ = register_sequence(*this, "up",
                          {{1, same_size(e, w[2])},
                           {4, same_size(w[2], w[1])},
                           {7, same_size(w[1], w[0])},
                           {9, pointwise(w[0], w[0])}});
  unet_2d_ = register_module("unet_2d", std::make_shared<UNet2d>(c, options.unet_kwargs));
  encode_ = register_sequence(*this, "encode_3plane_reso32",
                              {{0, same_size(3 * c, 3 * c)}, {2, same_size(3 * c, c)}, {4, pointwise(c, c)}});
  decode_ = register_sequence(
      *this, "decode_3plane_reso256",
      {{0, same_size(c, 3 * c)}, {2, same_size(3 * c, 3 * c)}, {4, pointwise(3 * c, 3 * c)}});
}

at::Tensor TriplaneQuantizer::merged(const Triplane& planes, runtime::Trace* trace) {
  const auto type = encode_.front()->weight().scalar_type();
  const auto one = passed(encode_, at::cat({planes[0], planes[1], planes[2]}, 1).to(type));
  traced(trace, "merged", one);
  const auto small = passed(down_, one);
  traced(trace, "down", small);
  const auto z = project1_->forward(small.permute({0, 2, 3, 1}).to(project1_->type()));
  traced(trace, "z", z);
  return z;
}

Triplane TriplaneQuantizer::planes(const at::Tensor& codes, runtime::Trace* trace) {
  const auto type = encode_.front()->weight().scalar_type();
  const auto features = unet_after_quant_->forward(project2_->forward(codes).permute({0, 3, 1, 2}).to(type));
  traced(trace, "unet_after_quant", features);
  const auto large = passed(up_, features, /*growing=*/true);
  traced(trace, "up", large);
  const auto all = passed(decode_, large);
  traced(trace, "planes_before_unet", all);
  Triplane planes;
  for (int64_t k = 0; k < 3; ++k)
    planes[static_cast<std::size_t>(k)] = unet_2d_->forward(all.narrow(1, k * c_dim_, c_dim_)).to(at::kFloat);
  return planes;
}

void TriplaneQuantizer::initialise() {
  for (const auto& sequence : {encode_, down_, up_, decode_}) {
    for (const auto& convolution : sequence) convolution->initialise();
  }
  const torch::NoGradGuard no_grad;
  const double bound = 1.0 / static_cast<double>(codebook_.size(0));
  codebook_.uniform_(-bound, bound);
  unet_after_quant_->initialise();
  unet_2d_->initialise();
  initialise_default(*project1_);
  initialise_default(*project2_);
}

LocalDecoder::LocalDecoder(const Argus3dVqOptions& options)
    : padding_(options.padding), nearest_(options.sample_mode == "nearest"), leaky_(options.leaky) {
  const int64_t width = options.decoder_hidden_size;
  torch::nn::ModuleList of_planes, blocks;
  for (int64_t i = 0; i < options.n_blocks; ++i) {
    fc_c_.push_back(std::make_shared<nn::LinearLayer>(options.c_dim, width));
    blocks_.push_back(std::make_shared<ResnetBlockFc>(width, width));
    of_planes->push_back(fc_c_.back());
    blocks->push_back(blocks_.back());
  }
  register_module("fc_c", of_planes);
  fc_p_ = register_module("fc_p", std::make_shared<nn::LinearLayer>(3, width));
  register_module("blocks", blocks);
  fc_out_ = register_module("fc_out", std::make_shared<nn::LinearLayer>(width, 1));
}

at::Tensor LocalDecoder::forward(const at::Tensor& points, const Triplane& planes) const {
  at::Tensor features;
  for (std::size_t plane = 0; plane < 3; ++plane) {
    const auto places = 2.0 * normalised_coordinates(points, plane, padding_) - 1.0;
    const auto own = sample_plane(planes[plane], places, nearest_);
    features = features.defined() ? features + own : own;
  }
  auto net = fc_p_->forward(points);
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    net = blocks_[i]->forward(net + fc_c_[i]->forward(features));
  return fc_out_->forward(leaky_ ? at::leaky_relu(net, 0.2) : net.relu()).squeeze(2);
}

void LocalDecoder::initialise() {
  for (const auto& layer : fc_c_) initialise_default(*layer);
  for (const auto& block : blocks_) block->initialise();
  initialise_default(*fc_p_);
  initialise_default(*fc_out_);
}

Argus3dVq::Argus3dVq(const Argus3dVqOptions& options) : options_(options) {
  decoder_ = register_module("decoder", std::make_shared<LocalDecoder>(options));
  encoder_ = register_module("encoder", std::make_shared<LocalPoolPointNet>(options));
  quantizer_ = register_module("quantizer", std::make_shared<TriplaneQuantizer>(options));
}

double Argus3dVq::level() const { return std::log(options_.threshold) - std::log(1.0 - options_.threshold); }

at::Tensor Argus3dVq::tokens(const at::Tensor& points, runtime::Trace* trace) {
  const auto planes = encoder_->forward(points);
  traced(trace, "point_features", planes.features);
  traced(trace, "plane_xz", planes.maps[0]);
  traced(trace, "plane_yz", planes.maps[2]);
  return nearest(quantizer_->merged(planes.maps, trace), quantizer_->codebook()).flatten(1);
}

Triplane Argus3dVq::planes(const at::Tensor& ids, runtime::Trace* trace) {
  const int64_t side = options_.side();
  if (ids.dim() != 2 || ids.size(1) != options_.tokens())
    fail<DataError>("argus3d_vq: {} tokens of a shape, expected {}", ids.dim() == 2 ? ids.size(1) : 0,
                    options_.tokens());
  return quantizer_->planes(at::embedding(quantizer_->codebook(), ids.view({ids.size(0), side, side})),
                            trace);
}

Argus3dVq::Pass Argus3dVq::train_pass(const at::Tensor& points, const at::Tensor& queries,
                                      runtime::Trace* trace) {
  const auto planes = encoder_->forward(points);
  traced(trace, "point_features", planes.features);
  traced(trace, "plane_xz", planes.maps[0]);
  traced(trace, "plane_yz", planes.maps[2]);
  const auto code = coded(quantizer_->merged(planes.maps, trace), quantizer_->codebook());
  const auto decoded = quantizer_->planes(code.quantised, trace);
  for (std::size_t k = 0; trace != nullptr && k < 3; ++k)
    trace->emplace_back(std::string("out_") + kPlaneNames[k], decoded[k]);
  return {query(queries, decoded), code.commit + options_.beta * code.codebook, code.ids.flatten(1)};
}

runtime::Losses Argus3dVq::loss(const at::Tensor& points, const at::Tensor& queries,
                                const at::Tensor& occupancies) {
  const auto pass = train_pass(points, queries);
  const auto rec = at::binary_cross_entropy_with_logits(pass.logits, occupancies, {}, {}, at::Reduction::None)
                       .sum(1)
                       .mean();
  const auto statistics = [logits = pass.logits.detach() - level(), occupancies,
                           ids = pass.ids]() -> runtime::Metrics {
    return {{"iou", occupancy_iou(logits, occupancies).mean().item<double>()},
            {"codes", static_cast<double>(std::get<0>(at::_unique(ids)).numel())}};
  };
  return {rec + pass.vq_loss,
          {{"rec", rec.detach()}, {"vq", pass.vq_loss.detach()}},
          statistics,
          static_cast<double>(points.size(0))};
}

void Argus3dVq::revive(const at::Tensor& points, bool all) {
  const torch::NoGradGuard no_grad;
  const auto z = quantizer_->merged(encoder_->forward(points).maps).flatten(0, 2).to(at::kFloat);
  auto codebook = quantizer_->codebook();
  auto unused = at::ones({codebook.size(0)}, at::TensorOptions(at::kBool).device(z.device()));
  if (!all) unused.index_fill_(0, nearest(z, codebook).flatten(), false);
  const auto places = unused.nonzero().flatten();
  const auto chosen = at::randint(z.size(0), places.sizes(), at::kLong).to(z.device());
  codebook.index_copy_(0, places, z.index_select(0, chosen));
}

at::Tensor Argus3dVq::code(const SurfaceClouds& clouds) {
  return tokens(unit_cube(clouds.levels.front().narrow(2, 0, 3)));
}

std::vector<at::Tensor> Argus3dVq::opened(const at::Tensor& code) {
  const auto all = planes(code);
  return {all.begin(), all.end()};
}

at::Tensor Argus3dVq::logits(const at::Tensor& points, const std::vector<at::Tensor>& opened) {
  return query(unit_cube(points), {opened.at(0), opened.at(1), opened.at(2)});
}

void Argus3dVq::initialise() {
  encoder_->initialise();
  quantizer_->initialise();
  decoder_->initialise();
}

void Argus3dVq::set_type(at::ScalarType type) {
  for (const auto& part : quantizer_->modules(/*include_self=*/false)) {
    if (dynamic_cast<nn::Conv2d*>(part.get()) != nullptr ||
        dynamic_cast<TransposedConvolution*>(part.get()) != nullptr)
      nn::set_storage_type(*part, type);
  }
}

}  // namespace arzoo::shape3d
