#pragma once

#include "runtime/speed_work.h"

/// What `bench speed` times of shapes with random weights under the name "generate". Null for other works.
namespace arzoo::shape3d {

/// Of mar3d: MAR-LR's generation of the tokens of shapes.
std::unique_ptr<runtime::SpeedWork> make_token_work(const runtime::SpeedRequest& request,
                                                    const runtime::Compute& compute);
/// Of shape_vae: the field of a shape's tokens at all points of a grid.
std::unique_ptr<runtime::SpeedWork> make_field_work(const runtime::SpeedRequest& request,
                                                    const runtime::Compute& compute);
/// Of argus3d: the tokens of shapes.
std::unique_ptr<runtime::SpeedWork> make_argus3d_work(const runtime::SpeedRequest& request,
                                                      const runtime::Compute& compute);
/// Of g3pt: the tokens of shapes, without the tokenizer, whose answers are zeros.
std::unique_ptr<runtime::SpeedWork> make_g3pt_work(const runtime::SpeedRequest& request,
                                                   const runtime::Compute& compute);

}  // namespace arzoo::shape3d
