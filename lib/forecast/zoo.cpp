#include "forecast/zoo.h"

#include <algorithm>

#include "forecast/models.h"
#include "forecast/official_folders.h"
#include "forecast/shape_check.h"
#include "runtime/memory_budget.h"

namespace arzoo::forecast {
namespace {

/// How one forecaster is built.
struct Builder {
  std::string_view name;
  std::shared_ptr<Forecaster> (*build)(const Config& model, const SeriesShape& shape);
};

template <std::size_t... I>
std::vector<Builder> builders(std::index_sequence<I...>) {
  const auto entry = []<class Options>(std::type_identity<Options>) {
    return Builder{Options::kName, [](const Config& model, const SeriesShape& shape) {
                     const auto options = model_options<Options>(model);
                     check_shape(options, shape, model);
                     return make<Options>(options, shape);
                   }};
  };
  return {entry(std::type_identity<std::tuple_element_t<I, Models>>{})...};
}

const std::vector<Builder>& zoo() {
  static const auto all = builders(std::make_index_sequence<std::tuple_size_v<Models>>());
  return all;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// The members of `official` that are among the fields, at all depths.
Json known_fields(const Json& official, const std::vector<FieldDoc>& fields) {
  Json kept = Json::object();
  for (const auto& field : fields) {
    const auto name = field.pointer.substr(field.pointer.rfind('/') + 1);
    if (!official.contains(name)) continue;
    const auto& value = official.at(name);
    kept[name] = value.is_object() && !field.children.empty() ? known_fields(value, field.children) : value;
  }
  return kept;
}

/// The members of `flat` whose names are fields of Options.
template <class Options>
Json only_fields(const Json& flat) {
  return known_fields(flat, describe<Options>());
}

/// What an official file calls its model: "model", else Hugging Face's "model_type", else its class.
std::string official_name(const Config& flat) {
  for (const char* key : {"model", "model_type"}) {
    if (flat.has(key)) return flat.text(key);
  }
  const auto architectures = flat.at("architectures").elements();
  if (architectures.empty()) flat.at("architectures").reject("no class is named");
  return architectures.front().text();
}

/// By its name, unless the model says that it shares the name with others.
template <class Options>
bool describes(const std::string& name, const Config& flat) {
  if constexpr (requires { Options::describes(name, flat); }) {
    return Options::describes(name, flat);
  } else {
    return name == Options::kName;
  }
}

/// The official file as this model's options are spelled, where the two may differ.
template <class Options>
Json as_ours(const Config& flat) {
  if constexpr (requires { Options::normalised(flat); }) {
    return Options::normalised(flat);
  } else {
    return flat.json();
  }
}

/// The shape of a model whose official file says nothing of windows, nothing for the others.
template <std::size_t... I>
std::optional<SeriesShape> shape_of_model(const Config& model, std::index_sequence<I...>) {
  std::optional<SeriesShape> shape;
  const auto ask = [&]<class Options>(std::type_identity<Options>) {
    if constexpr (requires(const Options& options) { options.official_shape(); }) {
      if (model.text("name") == Options::kName) shape = model_options<Options>(model).official_shape();
    }
  };
  (ask(std::type_identity<std::tuple_element_t<I, Models>>{}), ...);
  return shape;
}

/// The variates out: as many as in, or as many as the file says, unless the model reads it otherwise.
template <std::size_t... I>
int64_t official_outputs(const Config& model, const Config& flat, const SeriesShape& shape,
                         std::index_sequence<I...>) {
  int64_t outputs = flat.has("c_out") ? shape.c_out : shape.enc_in;
  const auto ask = [&]<class Options>(std::type_identity<Options>) {
    if constexpr (requires { Options::official_outputs(flat, shape); }) {
      if (model.text("name") == Options::kName) outputs = Options::official_outputs(flat, shape);
    }
  };
  (ask(std::type_identity<std::tuple_element_t<I, Models>>{}), ...);
  return outputs;
}

template <std::size_t... I>
Json model_section(const std::string& name, const Config& flat, std::index_sequence<I...>) {
  Json section;
  const auto match = [&]<class Options>(std::type_identity<Options>) {
    if (!describes<Options>(name, flat)) return;
    section["name"] = Options::kName;
    section.update(only_fields<Options>(as_ours<Options>(flat)));
  };
  (match(std::type_identity<std::tuple_element_t<I, Models>>{}), ...);
  return section;
}

}  // namespace

std::shared_ptr<Forecaster> build(const Config& model, const SeriesShape& shape) {
  const auto name = model.text("name");
  for (const auto& entry : zoo()) {
    if (entry.name == name) return runtime::within_memory(model, [&] { return entry.build(model, shape); });
  }
  model.at("name").reject(fmt::format("no forecaster is called \"{}\"", name));
}

OfficialConfig read_official_config(const Config& flat, int64_t marks) {
  constexpr auto kAll = std::make_index_sequence<std::tuple_size_v<Models>>();
  const auto name = official_name(flat);
  Json section = model_section(lower(name), flat, kAll);
  if (section.empty()) refuse_official_config(flat, name);
  Config model(std::move(section), flat.name());
  if (const auto own = shape_of_model(model, kAll)) return {std::move(model), *own};
  Json lengths = only_fields<SeriesShape>(flat.json());
  // A model without a decoder's input says nothing of its known steps.
  if (!flat.has("label_len")) lengths["label_len"] = 0;
  auto shape = Config(std::move(lengths), flat.name()).as<SeriesShape>();
  shape.c_out = official_outputs(model, flat, shape, kAll);
  shape.marks = marks;
  return {std::move(model), shape};
}

}  // namespace arzoo::forecast
