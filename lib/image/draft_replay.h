#pragma once

#include "image/llamagen_target.h"
#include "nn/drafter.h"
#include "runtime/parity.h"

/// What the replays of decoding with drafts share.
namespace arzoo::image {

/// The random numbers that another program used, round by round. What a case does not record is undefined.
class RecordedDrafts : public nn::DraftRandomInputs {
 public:
  struct Numbers {
    at::Tensor following = {};  ///< exponential variates: [rounds, V], [rounds, nodes, V], or by place [L, V]
    at::Tensor residual = {};   ///< [rounds, V]; those of `following` where undefined
    at::Tensor drafts = {};     ///< [rounds, calls, V]
    at::Tensor uniform = {};    ///< [rounds, tests], negative where none was needed
    at::Tensor codes = {};      ///< [rounds, drafts] long, negative where none was needed
    bool by_place = false;
  };
  explicit RecordedDrafts(Numbers numbers) : numbers_(std::move(numbers)) {}

  void begin_round() override;
  double uniform() override;
  int64_t following(const at::Tensor& p, int64_t node, int64_t place) override;
  int64_t in_place_of_rejected(const at::Tensor& p, int64_t place) override;
  std::vector<int64_t> drafts(const at::Tensor& q, int64_t count) override;
  int64_t any_code(int64_t codes) override;

 private:
  Numbers numbers_;
  int64_t round_ = -1, tests_ = 0, calls_ = 0, codes_ = 0;
};

/// One recorded generation of a picture.
struct DraftReplay {
  LlamaGenStream& stream;  ///< has begun
  nn::Drafter& drafter;
  const nn::DraftAcceptor& acceptor;
  nn::TokenSampling sampling;
  std::function<void(const nn::DraftRound& round)> watch = {};
  bool past_the_end = false;

  /// Continues tokens that the stream has read but for the last.
  std::vector<int64_t> decode(std::vector<int64_t> tokens, int64_t length,
                              nn::DraftRandomInputs& random_inputs) const;
};

/// Rows that rounds came to, one below the other, padded to the widest: of numbers with -1, of distributions
/// with 0. wide: columns at least.
at::Tensor padded_rows(const std::vector<std::vector<int64_t>>& rows, int64_t wide);
at::Tensor padded_rows(const std::vector<at::Tensor>& rows, int64_t wide);

/// A run's setting, where the case says it.
template <class Value>
void read_if_any(const Config& run, const char* key, Value& value) {
  if (run.has(key)) run.at(key).read(value, {});
}

/// Speculative decoding by a smaller model; Jacobi decoding and SJD; LANTERN, and its acceptance alone.
void replay_speculative(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_jacobi(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_lantern(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_acceptance(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::image
