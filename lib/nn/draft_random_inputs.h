#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <vector>

namespace arzoo::nn {

/// Where the random numbers of decoding with drafts come from, round by round. p, q: [V] float on the CPU.
class DraftRandomInputs {
 public:
  virtual ~DraftRandomInputs() = default;

  /// Called before each round.
  virtual void begin_round() = 0;
  /// What an acceptance test compares with, in [0, 1): of the round's tests one after the other.
  virtual double uniform() = 0;
  /// A sample of what follows a node of the round's tree; the token is the sequence's number `place`.
  virtual int64_t following(const at::Tensor& p, int64_t node, int64_t place) = 0;
  /// A sample of what remains of p when all drafts of a node were rejected.
  virtual int64_t in_place_of_rejected(const at::Tensor& p, int64_t place) = 0;
  /// Samples of a drafter's q, without replacement, in the order in which they were drawn. Throws DataError
  /// where q has fewer codes.
  virtual std::vector<int64_t> drafts(const at::Tensor& q, int64_t count) = 0;
  /// Any of so many codes, all alike: a draft that nothing is known of.
  virtual int64_t any_code(int64_t codes) = 0;
};

/// Streams of one sample's own, by its seed.
class SeededDrafts : public DraftRandomInputs {
 public:
  explicit SeededDrafts(uint64_t seed);

  void begin_round() override {}
  double uniform() override;
  int64_t following(const at::Tensor& p, int64_t node, int64_t place) override;
  int64_t in_place_of_rejected(const at::Tensor& p, int64_t place) override;
  std::vector<int64_t> drafts(const at::Tensor& q, int64_t count) override;
  int64_t any_code(int64_t codes) override;

 protected:
  uint64_t seed_;

 private:
  double next();

  uint64_t stream_, used_ = 0;
};

/// The same, but what follows a node depends on its place in the sequence alone: a race with the exponential
/// variates of ExponentialRace. Every pass samples a place with the same numbers, so that decoding by
/// equality gives the very tokens of decoding one by one.
class SharedDrafts : public SeededDrafts {
 public:
  using SeededDrafts::SeededDrafts;
  int64_t following(const at::Tensor& p, int64_t node, int64_t place) override;

 private:
  std::map<int64_t, at::Tensor> numbers_;  ///< [V] by place, of the last few
};

}  // namespace arzoo::nn
