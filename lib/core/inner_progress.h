#pragma once

#include "core/progress.h"

namespace arzoo {

/// The progress of a piece of work within another, such as one training of many: its bars and warnings are
/// shown, its notes are details. Bars that it leaves open (an exception) end with it.
class InnerProgress : public Progress {
 public:
  explicit InnerProgress(Progress& outer) : outer_(outer) {}
  ~InnerProgress() override {
    for (; open_ > 0; --open_) outer_.end();
  }
  InnerProgress(const InnerProgress&) = delete;
  InnerProgress& operator=(const InnerProgress&) = delete;

 private:
  void do_begin(std::string_view label, std::int64_t total, std::int64_t done) override {
    outer_.begin(label, total, done);
    ++open_;
  }
  void do_step(const NamedValues& values, std::int64_t count) override { outer_.step(values, count); }
  void do_end() override {
    outer_.end();
    if (open_ > 0) --open_;
  }
  void do_note(std::string_view text) override { outer_.detail(text); }
  void do_detail(std::string_view text) override { outer_.detail(text); }
  void do_warn(std::string_view text) override { outer_.warn(text); }

  Progress& outer_;
  int open_ = 0;
};

}  // namespace arzoo
