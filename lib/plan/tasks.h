#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/ranks.h"
#include "core/share.h"
#include "plan/cost_model.h"
#include "runtime/image_request.h"

/// What each command asks for, checked by the launcher and carried out by libarzoo. No torch in here.
namespace arzoo::plan {

namespace fs = std::filesystem;

/// Options that every command has.
struct ComputeOptions {
  std::string device = "auto";  ///< auto | cpu | cuda[:i]
  std::string dtype = "fp32";   ///< fp32 | bf16 | fp16
  int64_t threads = 0;          ///< 0: LibTorch's default
  std::optional<int64_t> seed;  ///< overrides the config's
  std::string quantize;         ///< int8 | int4: of linear maps, in inference; empty: none
  fs::path cache = {};          ///< folder for what is measured once on a machine; empty: nothing is cached
  Ranks ranks = {};             ///< of several processes that a launcher started
};

struct TrainTask {
  ComputeOptions compute;
  Json config;                          ///< resolved: every value in force (plan/run_config.h)
  std::string name;                     ///< of the config file, for messages
  std::vector<std::string> notes = {};  ///< what to say of the config
  fs::path out;
  bool resume = false;
  bool init_only = false;  ///< save the model as training would begin with it, in compute.dtype, and stop
  bool dry_run = false;
  double share = 1.0;  ///< of its steps, after which the run rests, to be resumed (runtime::Trainer::fit)
  std::optional<int64_t> world_size = {};  ///< processes that the plan of a dry run is for
  std::optional<Hardware> hardware = {};   ///< theirs, where world_size is given
};

struct TuneTask {
  ComputeOptions compute;
  Config config;    ///< as it was written, with what --set and --seed replace
  fs::path folder;  ///< of the config file
  Config space;     ///< plan/search_space.h
  fs::path out;
  std::optional<double> time_limit = {};  ///< seconds; one of the two limits is given
  std::optional<int64_t> trials = {};
  int64_t rungs = 3, reduction = 3;
  bool resume = false;
  bool dry_run = false;
};

struct ForecastTask {
  ComputeOptions compute;
  fs::path model;                  ///< run directory, checkpoint folder, or weights file
  std::optional<fs::path> config;  ///< the model's config when `model` is a bare weights file
  std::string state_dict = {};     ///< of a .pth file with several
  std::vector<fs::path> inputs;
  std::optional<fs::path> future;  ///< covariates of the steps ahead, for models that know them
  fs::path output;
  std::optional<int64_t> horizon;      ///< the model's pred_len when not given; longer horizons roll
  std::vector<double> levels = {};     ///< of the prediction intervals, in percent
  std::vector<double> quantiles = {};  ///< in (0, 1)
  int64_t samples = 0;                 ///< paths of each series
  std::string conformal;               ///< none | split | adaptive; empty: split for a point forecast
  /// Parts of the columns, for models that forecast any series and for --xreg; all empty: every column is a
  /// series of its own.
  std::vector<std::string> targets = {}, past_covariates = {}, future_covariates = {}, static_covariates = {};
  std::vector<std::string> settings = {};  ///< KEY=VALUE: options of such a model's forecasts
  bool xreg = false;                       ///< covariates by a linear regression around the model
  std::string xreg_mode = "xreg+model";    ///< which of the two comes first, or model+xreg
  double ridge = 0.0;                      ///< of that regression
  std::optional<fs::path> plot;            ///< folder for one chart per series
  std::string missing;                     ///< error | ffill | interpolate; empty: as in training
  std::string format = "auto";             ///< auto | wide | long
  std::string freq;                        ///< overrides the inferred frequency
  std::string resample = {};  ///< "1h:mean": rows at any moments become regular; empty: as in training
  std::string date, id;       ///< columns of the dates and of a long file's series; empty: as in training
  std::vector<std::string> columns;  ///< variates to read; empty: as in training
  bool skip_short = false;           ///< series of too few rows are left out with a warning
  bool pad_short = false;            ///< their first row is put before them as often as it takes
  int64_t backtest = 0;              ///< windows to forecast within the known data and score
  std::optional<int64_t> step;  ///< rows from one of these windows to the next; the horizon when not given
  /// Models to compare with on the same windows: baselines, folders. Not given: the seasonal naive forecast,
  /// whose rows are not written.
  std::vector<std::string> against = {};
  /// Windows after which models that come from a run are trained again; 0: never, as when not given, but
  /// said.
  std::optional<int64_t> refit = {};
  std::optional<fs::path> report = {};  ///< page that compares the models of the backtest
  std::optional<int64_t> season;        ///< steps of MASE's naive forecast; of the frequency when not given
  bool impute = false;                  ///< fill the missing cells of the input instead of forecasting
  bool detect = false;                  ///< score the known cells as anomalies instead of forecasting
  std::optional<double> time_limit;     ///< seconds to find an ensemble in
  fs::path keep;                        ///< folder for that ensemble; empty: the model is given
  bool stream = false;  ///< one JSON window per line of stdin, one forecast per line of stdout
  Share share = {};     ///< of the series
  bool dry_run = false;
};

/// Seconds to find an ensemble in where none are given.
inline constexpr double kDefaultTimeLimit = 60.0;

/// Numbers that the paths of one series hold at most.
inline constexpr int64_t kMostSampledSteps = 2'000'000;

/// The most that one run of generate-image and of generate-3d makes: what it tells of each fits into memory.
inline constexpr int64_t kMostPictures = 1'000'000, kMostShapes = 100'000;

struct GenerateImageTask {
  ComputeOptions compute;
  runtime::ImageSource source;
  Json sampling = Json::object();  ///< options of generation that were given, by key; the model knows them
  std::vector<std::string> classes = {};  ///< numbers, names, "all", "random" or "none"
  int64_t count = 1;                      ///< pictures of each class
  std::optional<int64_t> first = {};      ///< number of the first picture, 0 if not given: its seed follows
  int64_t batch_size = 8;                 ///< pictures generated together; they do not depend on it
  std::optional<fs::path> edit;           ///< the picture to be edited
  std::vector<runtime::PixelBox> paint = {}, keep = {};  ///< where, or where not
  std::optional<fs::path> mask;                          ///< the same as a picture: where it is white
  fs::path output;                                       ///< a folder, or a file NAME.png|jpg|jpeg
  bool save_scales = false;                              ///< also what is there after each scale
  bool show_pivots = false;                              ///< also the preview of a lower resolution
  Share share = {};                                      ///< of the batches
  bool dry_run = false;
};

struct Generate3dTask {
  ComputeOptions compute;
  fs::path model;                  ///< run directory or model folder
  Json sampling = Json::object();  ///< options of generation that were given, by key; the model knows them
  std::vector<std::string> classes = {};  ///< numbers, names, "all", "random" or "none"
  std::optional<fs::path> image;          ///< a picture of a shape on white, whose outline is followed
  std::optional<fs::path> points;         ///< a mesh of a part of the shape, to be completed
  int64_t count = 1;                      ///< shapes of each class
  std::optional<int64_t> first = {};      ///< number of the first shape, 0 if not given: its seed follows
  int64_t batch_size = 8;                 ///< shapes generated together; they do not depend on it
  int64_t resolution = 128;               ///< cells along an axis of the surface's grid
  bool dense = false;                     ///< ask for every point of that grid
  std::string format = "glb";             ///< of files in a folder
  fs::path output;                        ///< a folder, or a file NAME.glb|ply|obj|stl|off
  std::optional<fs::path> sheet;  ///< a picture of all shapes from several sides; a folder has one anyway
  Share share = {};               ///< of the batches
  bool dry_run = false;
};

struct GenerateTextTask {
  ComputeOptions compute;
  fs::path model;  ///< run directory, model folder, or published folder
  std::vector<std::string> prompts = {};
  std::optional<fs::path> file;   ///< prompts, one a line; neither: the lines of standard input
  std::optional<fs::path> image;  ///< in place of both: a picture to describe, or a folder of pictures
  int64_t max_tokens = 200;       ///< of a text, besides its prompt
  double temperature = 1.0;       ///< 0: the most likely token
  int64_t top_k = 0;              ///< 0: all
  double top_p = 1.0;             ///< 1: all
  double repetition_penalty = 1.0;
  std::vector<std::string> stops = {};  ///< a text ends before the first of these
  int64_t count = 1;                    ///< texts of each prompt
  int64_t batch_size = 8;               ///< texts generated together; they do not depend on it
  std::optional<fs::path> output;       ///< one JSON object a line
  bool stream = false;                  ///< texts go to stdout as their tokens come
  std::optional<fs::path> drafter;      ///< a smaller model, whose drafts the model verifies
  int64_t drafts = 4;                   ///< tokens that it drafts for a pass
  bool dry_run = false;
};

struct ScoreTask {
  ComputeOptions compute;
  fs::path model;
  std::vector<fs::path> inputs;
  std::optional<int64_t> context;  ///< tokens that a window reads; the model's when not given
  std::optional<int64_t> stride;   ///< tokens from one window to the next; the context when not given
  int64_t batch_size = 8;          ///< windows at once
  bool dry_run = false;
};

struct EmbedTextTask {
  ComputeOptions compute;
  fs::path model;             ///< run directory, model folder or published BERT folder
  fs::path input;             ///< a text a line; may be gzipped
  fs::path output;            ///< NAME.npy, or NAME.jsonl[.gz]; "-": lines to standard output
  std::string pool = "mean";  ///< mean | cls | pooler
  bool normalize = false;     ///< vectors of length 1
  bool dry_run = false;
};

struct TranscribeTask;  // plan/transcribe_task.h

struct LinksTask {
  ComputeOptions compute;
  fs::path model;                          ///< run directory or model folder of a model of dynamic graphs
  fs::path input;                          ///< CSV file of events
  std::vector<std::string> queries = {};   ///< "u,v": pairs of nodes
  std::optional<std::string> source = {};  ///< a node whose likeliest targets are asked for
  int64_t top = 10;                        ///< how many of them
  std::optional<double> at = {};  ///< seconds: only events before are known; of evaluate, those from there on
  bool evaluate = false;          ///< score the events of the input instead
  int64_t negatives = 20;         ///< of evaluate, random targets beside each true one
  int64_t batch_size = 100;       ///< of evaluate, events that are predicted of the same window
  bool dry_run = false;
};

struct EncodeTask {
  ComputeOptions compute;
  fs::path input;   ///< a mesh
  fs::path model;   ///< run directory or model folder of a model that codes by tokens
  fs::path output;  ///< NAME.tokens
  bool dry_run = false;
};

struct DecodeTask {
  ComputeOptions compute;
  fs::path input;  ///< what EncodeTask wrote
  fs::path model;
  fs::path output;           ///< NAME.glb|ply|obj|stl|off
  int64_t resolution = 128;  ///< cells along an axis of the surface's grid
  bool dense = false;        ///< ask for every point of that grid
  bool dry_run = false;
};

struct InspectTask {
  fs::path path;
  std::vector<std::string> texts = {};  ///< of a tokenizer: what to encode
  std::string state_dict = {};          ///< of a .pth file: only this one; empty for all tensors
};

struct ConvertTask {
  fs::path input, output;
  std::string state_dict = {};  ///< of a .pth file with several
  std::string factorize =
      {};              ///< how a model becomes factors, output is a folder then; empty: it stays as it is
  double ratio = 2.0;  ///< of factorize
  std::string quantize = {};  ///< int8 | int4: of a language model's linear maps, output is a folder then
  int64_t threads = 0;        ///< of both; 0: LibTorch's default
  std::string dtype = {};     ///< of the floating-point tensors that are written; empty: each keeps its own
  bool dry_run = false;
};

struct ModelsTask {
  std::vector<std::string> names;  ///< count the parameters of these models' default configs
};

struct ParityTask {
  ComputeOptions compute;
  std::vector<fs::path> folders;
  bool verbose = false;
};

struct TableTask {
  ComputeOptions compute;
  Config suite;
  fs::path folder;  ///< of the suite file: paths in it are relative to this
  fs::path out;
  std::vector<std::string> only;  ///< cells whose name contains one of these
  bool dry_run = false;
  Share share = {};  ///< of the cells
};

struct SpeedTask {
  ComputeOptions compute;
  Config suite;
  fs::path folder;
  fs::path out;
  std::vector<std::string> only;
  bool dry_run = false;
};

struct RegressTask {
  ComputeOptions compute;
  Config suite;
  fs::path folder;
  fs::path out;
  std::vector<std::string> only;
  bool dry_run = false;
  fs::path baseline = {};
  bool accuracy_only = false;  ///< time nothing
  bool update = false;         ///< store what is measured
};

struct ReportTask {
  std::vector<fs::path> folders;
  fs::path output;
};

/// What a task leaves for the launcher: a document for --json, from which the human summary is printed as
/// well.
struct Outcome {
  ExitCode code = ExitCode::ok;
  std::string error;  ///< one line, empty when code is ok
  Json result;
};

/// The functions of libarzoo. `stop` is set by the launcher when the process is asked to end. No exception
/// leaves them.
struct TaskTable {
  using Stop = const std::atomic<bool>&;
  Outcome (*train)(const TrainTask&, Progress&, Stop);
  Outcome (*tune)(const TuneTask&, Progress&, Stop);
  Outcome (*forecast)(const ForecastTask&, Progress&, Stop);
  Outcome (*generate_image)(const GenerateImageTask&, Progress&, Stop);
  Outcome (*generate_3d)(const Generate3dTask&, Progress&, Stop);
  Outcome (*generate_text)(const GenerateTextTask&, Progress&, Stop);
  Outcome (*score)(const ScoreTask&, Progress&, Stop);
  Outcome (*embed_text)(const EmbedTextTask&, Progress&, Stop);
  Outcome (*links)(const LinksTask&, Progress&, Stop);
  Outcome (*encode)(const EncodeTask&, Progress&, Stop);
  Outcome (*decode)(const DecodeTask&, Progress&, Stop);
  Outcome (*inspect)(const InspectTask&, Progress&, Stop);
  Outcome (*convert)(const ConvertTask&, Progress&, Stop);
  Outcome (*models)(const ModelsTask&, Progress&, Stop);
  Outcome (*parity)(const ParityTask&, Progress&, Stop);
  Outcome (*table)(const TableTask&, Progress&, Stop);
  Outcome (*speed)(const SpeedTask&, Progress&, Stop);
  Outcome (*regress)(const RegressTask&, Progress&, Stop);
  Outcome (*report)(const ReportTask&, Progress&, Stop);
  Outcome (*transcribe)(const TranscribeTask&, Progress&, Stop);
};

/// The one symbol that the launcher looks up in libarzoo.
using TaskTableFunction = const TaskTable* (*)();
inline constexpr const char* kTaskTableSymbol = "arzoo_task_table";

}  // namespace arzoo::plan
