#pragma once

#include <tuple>

#include "distill/flowar_students.h"
#include "distill/mar_students.h"
#include "distill/var_students.h"

namespace arzoo::distill {

/// The table of students: a student is known to the command line, the configs and the README by standing
/// here. All of them generate pictures.
using Models = std::tuple<Dd1VarOptions, Dd2VarOptions, Dd1FlowArOptions, Dd2FlowArOptions, Dd1MarOptions>;

}  // namespace arzoo::distill
