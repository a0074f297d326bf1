#include "image/draft_replay.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "nn/exponential_race.h"

namespace arzoo::image {

void RecordedDrafts::begin_round() {
  ++round_;
  tests_ = calls_ = codes_ = 0;
}

double RecordedDrafts::uniform() {
  const auto row = numbers_.uniform[round_];
  while (row[tests_].item<double>() < 0.0) ++tests_;
  return row[tests_++].item<double>();
}

int64_t RecordedDrafts::following(const at::Tensor& p, int64_t node, int64_t place) {
  const auto& all = numbers_.following;
  if (numbers_.by_place) return nn::race_winners(p, all[place]).item<int64_t>();
  return nn::race_winners(p, all.dim() == 3 ? all[round_][node] : all[round_]).item<int64_t>();
}

int64_t RecordedDrafts::in_place_of_rejected(const at::Tensor& p, int64_t) {
  const auto& all = numbers_.residual.defined() ? numbers_.residual : numbers_.following;
  return nn::race_winners(p, all[round_]).item<int64_t>();
}

std::vector<int64_t> RecordedDrafts::drafts(const at::Tensor& q, int64_t count) {
  const auto order = std::get<1>((q / numbers_.drafts[round_][calls_++]).topk(count));
  return {order.const_data_ptr<int64_t>(), order.const_data_ptr<int64_t>() + count};
}

int64_t RecordedDrafts::any_code(int64_t) {
  const auto row = numbers_.codes[round_];
  while (codes_ < row.numel() && row[codes_].item<int64_t>() < 0) ++codes_;
  if (codes_ == row.numel()) fail<CheckpointError>("the case records no random code for round {}", round_);
  return row[codes_++].item<int64_t>();
}

std::vector<int64_t> DraftReplay::decode(std::vector<int64_t> tokens, int64_t length,
                                         nn::DraftRandomInputs& random_inputs) const {
  LlamaGenTarget target({&stream});
  nn::AcceptedDrafts choice(acceptor, {&random_inputs});
  const auto hear = [&](const nn::DecodingRound& round) {
    if (watch) watch(round.row(0));
    return true;
  };
  return nn::decode({.target = target,
                     .drafter = drafter,
                     .choice = choice,
                     .rules = {.sampling = sampling},
                     .watch = hear,
                     .past_the_end = past_the_end},
                    {std::move(tokens)}, length)
      .front();
}

at::Tensor padded_rows(const std::vector<std::vector<int64_t>>& rows, int64_t wide) {
  std::vector<at::Tensor> tensors;
  for (const auto& row : rows) {
    wide = std::max(wide, static_cast<int64_t>(row.size()));
    tensors.push_back(at::tensor(row, at::kLong));
  }
  for (auto& row : tensors) row = at::constant_pad_nd(row, {0, wide - row.size(0)}, -1);
  return at::stack(tensors);
}

at::Tensor padded_rows(const std::vector<at::Tensor>& rows, int64_t wide) {
  std::vector<at::Tensor> tensors;
  for (const auto& row : rows) wide = std::max(wide, row.size(0));
  for (const auto& row : rows)
    tensors.push_back(at::constant_pad_nd(row, {0, 0, 0, wide - row.size(0)}, 0.0));
  return at::stack(tensors);
}

}  // namespace arzoo::image
