#include "distill/student.h"

#include "core/error.h"

namespace arzoo::distill {

void Student::take_teacher(std::shared_ptr<image::Var>, const image::VarSampling&, int64_t) {
  fail<UsageError>("--teacher: only a student of Distilled Decoding 1 whose noise is mapped takes its help");
}

}  // namespace arzoo::distill
