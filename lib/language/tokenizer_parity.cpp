#include <torch/torch.h>

#include "io/tokenizer.h"
#include "language/fixture.h"

namespace arzoo::language {
namespace {

/// The texts of "<name>" cut at "<name>_offsets".
std::vector<std::string> texts_of(const at::Tensor& bytes, const at::Tensor& offsets) {
  const auto whole = bytes.contiguous();
  const auto* data = reinterpret_cast<const char*>(whole.const_data_ptr<uint8_t>());
  std::vector<std::string> texts;
  for (int64_t i = 0; i + 1 < offsets.numel(); ++i) {
    const auto begin = offsets[i].item<int64_t>();
    texts.emplace_back(data + begin, data + offsets[i + 1].item<int64_t>());
  }
  return texts;
}

at::Tensor bytes_of(const std::string& text) {
  return at::tensor(std::vector<uint8_t>(text.begin(), text.end()), at::kByte);
}

std::vector<int64_t> numbers(const at::Tensor& ids) {
  const auto whole = ids.contiguous();
  return {whole.const_data_ptr<int64_t>(), whole.const_data_ptr<int64_t>() + whole.numel()};
}

void check_tokenizer(const io::Tokenizer& tokenizer, const ParityCase& fixture, ParityReport& report) {
  std::vector<int64_t> ids, ends{0}, decoded_ends{0};
  std::string decoded;
  for (const auto& text : texts_of(fixture.input("text"), fixture.input("text_offsets"))) {
    const auto own = tokenizer.encode(text);
    ids.insert(ids.end(), own.begin(), own.end());
    ends.push_back(static_cast<int64_t>(ids.size()));
    decoded += tokenizer.decode(own);
    decoded_ends.push_back(static_cast<int64_t>(decoded.size()));
  }
  report.check("ids", at::tensor(ids, at::kLong));
  report.check("id_offsets", at::tensor(ends, at::kLong));
  check_if_listed("decoded", bytes_of(decoded), fixture, report);
  check_if_listed("decoded_offsets", at::tensor(decoded_ends, at::kLong), fixture, report);
  if (fixture.has_input("random_ids"))
    report.check("decoded_random", bytes_of(tokenizer.decode(numbers(fixture.input("random_ids")))));
}

}  // namespace

void replay_tokenizer(const ParityCase& fixture, ParityReport& report) {
  std::vector<std::string> files;
  fixture.config.at("files").read(files, nonempty());
  // merges.txt belongs to vocab.json: each form of the same tokenizer gives the same ids.
  for (const auto& file : files) {
    if (file != "merges.txt") check_tokenizer(*io::open_tokenizer(fixture.folder / file), fixture, report);
  }
}

}  // namespace arzoo::language
