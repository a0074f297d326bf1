#include "core/config_fields.h"

#include <utility>

namespace arzoo::detail {
namespace {

class NameCollector final : public FieldVisitor {
 public:
  std::vector<std::string> take() { return std::move(names_); }

 private:
  void visit(const Field& field) override {
    names_.emplace_back(field.name);
    if (!field.rule.former.empty()) names_.push_back(field.rule.former);
  }

  std::vector<std::string> names_;
};

class FieldReader final : public FieldVisitor {
 public:
  explicit FieldReader(const Config& config) : config_(config) {}

 private:
  void visit(const Field& field) override {
    const auto& former = field.rule.former;
    const bool is_old = !former.empty() && config_.has(former);
    if (is_old && config_.has(field.name))
      config_.at(former).reject(fmt::format("the old name of \"{}\", which is given too", field.name));
    if (is_old) field.type.read(field.value, config_.at(former), field.rule);
    if (config_.has(field.name)) field.type.read(field.value, config_.at(field.name), field.rule);
  }

  const Config& config_;
};

class FieldWriter final : public FieldVisitor {
 public:
  Json take() { return std::move(json_); }

 private:
  void visit(const Field& field) override { json_[std::string(field.name)] = field.type.json(field.value); }

  Json json_ = Json::object();
};

class FieldDescriber final : public FieldVisitor {
 public:
  FieldDescriber(std::vector<FieldDoc>& docs, const std::string& prefix) : docs_(docs), prefix_(prefix) {}

 private:
  void visit(const Field& field) override {
    FieldDoc doc{prefix_ + "/" + std::string(field.name),
                 field.type.name(),
                 field.type.json(field.value),
                 field.rule,
                 std::string(field.help),
                 field.type.nullable};
    field.type.describe(field.value, doc.pointer, doc.children);
    docs_.push_back(std::move(doc));
  }

  std::vector<FieldDoc>& docs_;
  const std::string& prefix_;
};

}  // namespace

void read_fields(const Config& config, void* options, VisitFields visit) {
  NameCollector names;
  visit(options, names);
  config.only(names.take());
  FieldReader reader(config);
  visit(options, reader);
}

Json fields_json(const void* options, VisitFields visit) {
  FieldWriter writer;
  visit(const_cast<void*>(options), writer);  // it only reads
  return writer.take();
}

void describe_fields(const void* options, VisitFields visit, const std::string& pointer,
                     std::vector<FieldDoc>& docs) {
  FieldDescriber describer(docs, pointer);
  visit(const_cast<void*>(options), describer);  // it only reads
}

}  // namespace arzoo::detail
