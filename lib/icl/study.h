#pragma once

#include <filesystem>

#include "core/progress.h"
#include "icl/curves.h"
#include "icl/experiment.h"
#include "icl/study_options.h"

/// What a trained learner has learned: compared with the algorithms that its paper compares it with.
namespace arzoo::icl {

/// What a study found. Tables and charts are also files in its folder, <name>.csv and <name>.svg.
class StudyRecord {
 public:
  explicit StudyRecord(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// A number for the suite's table.
  void metric(const std::string& name, double value) { metrics_.emplace_back(name, value); }
  void table(const std::string& name, const Table& table);
  void chart(const std::string& name, const LineChart& chart);
  /// Curves as a table and a chart.
  void curves(const std::string& name, const std::string& title, const std::string& index,
              const std::vector<NamedCurve>& curves, Scale scale = Scale::linear);

  const runtime::Metrics& metrics() const { return metrics_; }
  const std::string& markdown() const { return markdown_; }
  /// The tables, [{"name", "rows"}], and the names of the charts' files.
  const Json& tables() const { return tables_; }
  const Json& charts() const { return charts_; }

 private:
  std::filesystem::path folder_;
  runtime::Metrics metrics_;
  std::string markdown_;
  Json tables_ = Json::array(), charts_ = Json::array();
};

/// What a study works on.
struct Subject {
  const Config& run;                   ///< resolved config of the training
  const std::filesystem::path& model;  ///< folder of the saved model
  StudyOptions options;
  Progress& progress;

  int64_t seed() const { return run.json().at("seed").get<int64_t>(); }
  DataOptions data() const { return run.at("data").as<DataOptions>(); }
  template <class Learner>
  std::shared_ptr<Learner> open() const {
    return std::dynamic_pointer_cast<Learner>(open_learner(run, model));
  }
};

/// One for each kind of learner.
void study_descent(const Subject& subject, StudyRecord& record);
void study_functions(const Subject& subject, StudyRecord& record);
void study_dynamics(const Subject& subject, StudyRecord& record);
void study_paths(const Subject& subject, StudyRecord& record);

}  // namespace arzoo::icl
