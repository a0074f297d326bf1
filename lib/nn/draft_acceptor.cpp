#include "nn/draft_acceptor.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>

namespace arzoo::nn {
namespace {

double at_code(const at::Tensor& p, int64_t code) { return p.const_data_ptr<float>()[code]; }

/// Divided by its sum; where nothing is left, `otherwise`.
at::Tensor normalised_rest(const at::Tensor& g, const at::Tensor& otherwise) {
  const double sum = g.sum().item<double>();
  return sum > 0.0 ? g / sum : otherwise;
}

}  // namespace

AcceptedPath EqualityAcceptor::accept(const DraftTree& tree, const at::Tensor& p, int64_t first,
                                      DraftRandomInputs& random_inputs) const {
  AcceptedPath path;
  while (true) {
    const int64_t node = path.nodes.back();
    path.p = p[node];
    path.next = random_inputs.following(path.p, node, first + path.drafts());
    const auto children = tree.children(node);
    const auto same = std::find_if(children.begin(), children.end(), [&](int64_t child) {
      return tree.tokens[static_cast<std::size_t>(child)] == path.next;
    });
    if (same == children.end()) return path;
    path.nodes.push_back(*same);
  }
}

double Relaxation::mass(const at::Tensor& g, int64_t code) const {
  const double limit = delta <= 1.0 ? delta : (delta - 1.0) * at_code(g, code);
  const auto sums = g.index_select(0, nearest[code].narrow(0, 0, codes())).cumsum(0);
  double largest = -1.0;
  for (int64_t m = 0; m < sums.numel() && at_code(sums, m) <= limit; ++m) largest = at_code(sums, m);
  return largest;
}

int64_t RatioAcceptor::accepted_child(const DraftTree& tree, int64_t node, at::Tensor& g,
                                      DraftRandomInputs& random_inputs) const {
  // Without relaxation nothing is left of g only by rounding. With it, officially all codes become alike.
  const auto none_left = [&](const at::Tensor& before) {
    return relaxation_.any() ? at::full_like(before, 1.0 / static_cast<double>(before.numel())) : before;
  };
  std::vector<int64_t> tested;
  at::Tensor rest;  // of q without the siblings that were rejected
  for (const int64_t child : tree.children(node)) {
    const int64_t code = tree.tokens[static_cast<std::size_t>(child)];
    if (std::find(tested.begin(), tested.end(), code) != tested.end()) continue;
    tested.push_back(code);
    if (tree.is_drawn() && !rest.defined()) rest = tree.q[static_cast<std::size_t>(child)];
    const double mass = relaxation_.any() ? relaxation_.mass(g, code) : -1.0;
    const double asked = at_code(g, code) + std::max(mass, 0.0);
    const double given = tree.is_drawn() ? at_code(rest, code) : 1.0;
    if (random_inputs.uniform() * given < asked) return child;
    auto removed = at::tensor(code, at::kLong).view({1});
    if (mass >= 0.0) removed = at::cat({removed, relaxation_.nearest[code]});
    if (tree.is_drawn()) {
      // What the relaxation takes from q stays in g, as officially.
      const auto left =
          mass >= 0.0 ? rest.index_fill(0, removed.narrow(0, 1, removed.numel() - 1), 0.0) : rest;
      g = normalised_rest((g - left).clamp_min(0.0), none_left(g));
      rest = normalised_rest(rest.index_fill(0, removed.narrow(0, 0, 1), 0.0), rest);
    } else {
      g = normalised_rest(g.index_fill(0, removed, 0.0), none_left(g));
    }
  }
  return -1;
}

AcceptedPath RatioAcceptor::accept(const DraftTree& tree, const at::Tensor& p, int64_t first,
                                   DraftRandomInputs& random_inputs) const {
  AcceptedPath path;
  while (true) {
    const int64_t node = path.nodes.back(), place = first + path.drafts();
    auto g = p[node];
    const bool has_drafts = !tree.children(node).empty();
    const int64_t child = accepted_child(tree, node, g, random_inputs);
    if (child >= 0) {
      path.nodes.push_back(child);
      continue;
    }
    path.p = g;
    path.next =
        has_drafts ? random_inputs.in_place_of_rejected(g, place) : random_inputs.following(g, node, place);
    return path;
  }
}

bool GreedyAcceptor::matches(const at::Tensor& p, int64_t code) const {
  const int64_t best = p.argmax().item<int64_t>();
  if (best == code || !relaxation_.any()) return best == code;
  const double mass = relaxation_.mass(p, code);
  return mass >= 0.0 && at_code(p, code) + mass > at_code(p, best);
}

AcceptedPath GreedyAcceptor::accept(const DraftTree& tree, const at::Tensor& p, int64_t,
                                    DraftRandomInputs&) const {
  std::vector<int64_t> longest{0};
  for (const auto& path : tree.paths(order_)) {
    std::size_t right = 1;
    while (right < path.size() &&
           matches(p[path[right - 1]], tree.tokens[static_cast<std::size_t>(path[right])]))
      ++right;
    if (right > longest.size())
      longest.assign(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(right));
  }
  const auto rest = p[longest.back()];
  return {longest, rest.argmax().item<int64_t>(), rest};
}

at::Tensor nearest_other_codes(const at::Tensor& codebook, int64_t count) {
  const torch::NoGradGuard no_grad;
  constexpr int64_t kAtOnce = 512;
  const auto vectors = codebook.detach().to(at::kFloat);
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < vectors.size(0); first += kAtOnce) {
    const int64_t rows = std::min(kAtOnce, vectors.size(0) - first);
    auto distances = at::cdist(vectors.narrow(0, first, rows), vectors);
    const auto numbers = at::arange(first, first + rows, at::kLong).unsqueeze(1);
    distances.scatter_(1, numbers, -1.0);  // the code itself comes first
    const auto order = std::get<1>(distances.sort(/*stable=*/true, /*dim=*/1, /*descending=*/false));
    parts.push_back(order.narrow(1, 1, count).contiguous());
  }
  return at::cat(parts);
}

at::Tensor shuffled_codes(const at::Tensor& nearest) {
  const int64_t codes = nearest.size(0);
  const auto owners = at::randperm(codes, at::make_generator<at::CPUGeneratorImpl>(uint64_t{1}), at::kLong);
  const auto rows = nearest.index_select(0, owners);
  const auto own = at::arange(codes, at::kLong).unsqueeze(1);
  return at::where(rows.eq(own), owners.unsqueeze(1), rows);
}

}  // namespace arzoo::nn
