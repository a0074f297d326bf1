#include "image/latent_tokens.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("tokens are patches row by row, their numbers by channel, row and column") {
  const auto latents = at::arange(2 * 3 * 4 * 4, at::kFloat).view({2, 3, 4, 4});
  const auto tokens = image::patchified(latents, 2);
  CHECK(tokens.sizes() == at::IntArrayRef({2, 4, 12}));
  // Token 1 of the first latent: rows 0 and 1, columns 2 and 3.
  const auto patch = latents[0].narrow(1, 0, 2).narrow(2, 2, 2);
  CHECK(at::equal(tokens[0][1], patch.reshape({12})));
  CHECK(at::equal(image::unpatchified(tokens, 2, 2), latents));
  CHECK(at::equal(image::unpatchified(image::patchified(latents, 1), 4, 1), latents));
}
