#pragma once

// Unicode normal form C of a text that arrives in pieces: composed as far as nothing to come can change it. Bytes that
// are not part of valid UTF-8 stay as they are and compose with nothing. The characters that combine are those of
// Unicode 9, as in Hugging Face's `tokenizers`.

#include <memory>
#include <string>
#include <string_view>

#include "io/tokenizer.hpp"

namespace io {

class NfcNormalizer {
 public:
  /// Appends to `out` what `piece` decides; the rest is kept.   Cost: linear, times log n within marks that stand one
  /// upon another.
  void normalize(std::string_view piece, std::string& out);
  /// Ends the text: appends what was kept.
  void finish(std::string& out);

 private:
  /// Returns the bytes of `text` that are decided.
  std::size_t take(std::string_view text, bool complete, std::string& out);
  void compose(std::string_view text, std::string& out);

  std::string held_;
  std::size_t held_bytes_min_ = 0;  // before it is looked at again
  std::u32string code_points_;
};

/// Lets `inner` encode the normalized text.
std::unique_ptr<Encoder> nfc_encoder(std::unique_ptr<Encoder> inner);

}  // namespace io
