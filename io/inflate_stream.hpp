#pragma once

// What the inflaters of io/inflate.hpp have in common: the offsets, the restart point, and damage that is told only
// after the bytes before it.

#include <optional>
#include <string>
#include <utility>

#include "io/inflate.hpp"

namespace io {

class InflateStream : public Inflater {
 public:
  Step inflate(std::span<const std::byte> input, std::span<std::byte> output) final;
  void finish() final;
  RestartPoint restart_point() const noexcept final { return restart_; }

 protected:
  explicit InflateStream(RestartPoint begin) noexcept : at_(begin), restart_(begin) {}

  /// One piece of work, which reports by the functions below. False: nothing more can be done with what is there.
  virtual bool advance(std::span<const std::byte> input, std::span<std::byte> output) = 0;

  /// The reason why the input must not end here, or null.
  virtual const char* unfinished() const noexcept = 0;

  void consumed(std::size_t bytes) noexcept { step_.consumed_bytes += bytes; }
  void produced(std::size_t bytes) noexcept { step_.produced_bytes += bytes; }
  /// Here begins a member or a frame.
  void restart_here() noexcept;
  /// All bytes before the damage have been produced.
  void fail(std::string reason) { damage_ = std::move(reason); }

 private:
  RestartPoint at_;  // where the current call began
  RestartPoint restart_;
  Step step_;  // what the current call has done
  std::optional<std::string> damage_;
};

std::unique_ptr<Inflater> make_gzip_inflater(RestartPoint begin);
std::unique_ptr<Inflater> make_zstd_inflater(RestartPoint begin);

}  // namespace io
