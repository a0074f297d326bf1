#include "arrow/table_text.h"

#include <arrow/compute/initialize.h>

#include "arrow/guarded.h"
#include "arrow/record_batches.h"

namespace arzoo::arrow_files {

using arrow::Status;

namespace {

/// Bytes of text after which a piece ends.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

}  // namespace

Status TableText::open() {
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  ARROW_ASSIGN_OR_RAISE(batches_, open_batches(path_, {}, pool_.get()));
  if (batches_->schema()->num_fields() == 0) return Status::Invalid("has no columns");
  return find_stamp_forms();
}

/// Looks at all stamps of the file: the form of a column must not change on the way.
Status TableText::find_stamp_forms() {
  const auto& schema = *batches_->schema();
  forms_.resize(static_cast<std::size_t>(schema.num_fields()));
  std::vector<int> columns;
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (schema.field(i)->type()->id() == arrow::Type::TIMESTAMP) columns.push_back(i);
  }
  if (columns.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto stamps, open_batches(path_, columns, pool_.get()));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, stamps->Next());
    if (batch == nullptr) return Status::OK();
    for (std::size_t i = 0; i < columns.size(); ++i)
      forms_[static_cast<std::size_t>(columns[i])].look_at(*batch->column(static_cast<int>(i)));
  }
}

Status TableText::append_header(std::string& csv) const {
  const auto& schema = *batches_->schema();
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (i > 0) csv += ',';
    append_quoted(schema.field(i)->name(), csv);
  }
  csv += '\n';
  return Status::OK();
}

Status TableText::next_batch() {
  cells_.clear();
  row_ = 0;
  ARROW_ASSIGN_OR_RAISE(batch_, batches_->Next());
  for (int i = 0; batch_ != nullptr && i < batch_->num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto cells,
                          CsvCells::of(batch_->column(i), forms_[static_cast<std::size_t>(i)], pool_.get()));
    cells_.push_back(std::move(cells));
  }
  return Status::OK();
}

Status TableText::append_rows(std::string& csv) {
  for (; row_ < batch_->num_rows() && csv.size() < kPieceBytes; ++row_) {
    const auto start = csv.size();
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (i > 0) csv += ',';
      cells_[i]->append(row_, csv);
      if (csv.size() - start > most_bytes_)
        return Status::OutOfMemory("the text of a row would take more than ", most_bytes_,
                                   " bytes of memory, too much for a file of this size");
    }
    // A row of one missing cell would read back as a blank line.
    if (csv.size() == start) csv += "\"\"";
    csv += '\n';
  }
  return Status::OK();
}

std::string TableText::next(std::string& csv) {
  csv.clear();
  return guarded([&]() -> Status {
    if (!has_header_) {
      has_header_ = true;
      return append_header(csv);
    }
    while (csv.empty()) {
      if (batch_ == nullptr || row_ == batch_->num_rows()) {
        ARROW_RETURN_NOT_OK(next_batch());
        if (batch_ == nullptr) return Status::OK();
      }
      ARROW_RETURN_NOT_OK(append_rows(csv));
    }
    return Status::OK();
  });
}

}  // namespace arzoo::arrow_files
