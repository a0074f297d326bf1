// The plug-in: Parquet and Arrow IPC files for lib/io/arrow_plugin.h.

#include "arrow/guarded.h"
#include "arrow/table_text.h"
#include "arrow/table_writer.h"
#include "io/arrow_plugin.h"

namespace arzoo::arrow_files {
namespace {

class Plugin : public io::ArrowPlugin {
 public:
  std::unique_ptr<io::ArrowReader> open_reader(const std::string& path, std::uint64_t most_bytes,
                                               std::string& error) const override {
    std::unique_ptr<TableText> text;
    error = guarded([&] {
      text = std::make_unique<TableText>(path, most_bytes);
      return text->open();
    });
    if (!error.empty()) return nullptr;
    return text;
  }
  std::unique_ptr<io::ArrowWriter> open_writer(bool parquet, const std::vector<io::ArrowColumn>& columns,
                                               std::function<void(std::string_view)> sink,
                                               std::string& error) const override {
    std::unique_ptr<TableWriter> writer;
    error = guarded([&] {
      writer = std::make_unique<TableWriter>(columns, std::move(sink));
      return writer->open(parquet);
    });
    if (!error.empty()) return nullptr;
    return writer;
  }
};

}  // namespace
}  // namespace arzoo::arrow_files

extern "C" const arzoo::io::ArrowPlugin* arzoo_arrow_plugin() {
  static const arzoo::arrow_files::Plugin plugin;
  return &plugin;
}
