#pragma once

// GPT-2's pattern (io/pretoken_scanner.hpp) without a branch: where a pre-token begins follows from the kinds of a few
// neighbouring bytes, 64 of them at a time. Only contractions, which are rare, are looked at one by one.

#include "io/character_masks.hpp"
#include "io/pretoken_begins.hpp"
#include "io/pretoken_scanner.hpp"

namespace io {

class Gpt2Scanner final : public PretokenScanner {
 public:
  void scan(std::string_view text, bool complete, std::vector<std::uint32_t>& ends) override;

 private:
  void find_begins();
  void mark_last_wide_space(std::size_t last_byte);
  void cut_contractions(std::string_view text);

  CharacterMasks masks_;
  PretokenBegins begins_;
};

}  // namespace io
