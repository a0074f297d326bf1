#include "runtime/early_stopping.h"

#include "support/test.h"

using namespace arzoo;
using runtime::Metrics;

TEST_CASE("a run is out of patience after so many epochs without a better first metric") {
  runtime::TrainState state;
  Metrics best;
  std::vector<bool> gains, over;
  for (const double mse : {3.0, 2.0, 2.5, 2.0, 2.1, 2.2}) {
    ++state.epoch;
    gains.push_back(runtime::note_validation({{"mse", mse}, {"mae", -mse}}, state, best));
    over.push_back(runtime::is_out_of_patience(state, 2));
  }
  CHECK(gains == std::vector<bool>{true, true, false, true, false, false});
  CHECK(over == std::vector<bool>{false, false, false, false, false, true});
  CHECK(state.best_epoch == 4);
  CHECK(best.front().second == 2.0);
  CHECK_FALSE(runtime::is_out_of_patience(state, 0));
}

TEST_CASE("without a validation split every epoch is an improvement") {
  runtime::TrainState state;
  Metrics best;
  for (state.epoch = 1; state.epoch < 4; ++state.epoch) CHECK(runtime::note_validation({}, state, best));
  CHECK(state.epochs_without_gain == 0);
}
