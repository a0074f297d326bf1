#include "tasks/tasks.h"
namespace arzoo::tasks {
Json speed(const plan::SpeedTask&, Progress&, Stop) { return {}; }
}  // namespace arzoo::tasks
