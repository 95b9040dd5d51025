// GPT-2's ranks within the program, byte for byte the file in datasets/gpt2/. The assembler reads the file, which costs
// the compiler nothing; ICOSA_GPT2_RANKS is its path, given by io/meson.build.

#include "io/known_ranks.hpp"

asm(".pushsection .rodata\n"
    ".balign 16\n"
    ".global icosa_gpt2_ranks_begin\n"
    ".hidden icosa_gpt2_ranks_begin\n"
    "icosa_gpt2_ranks_begin:\n"
    ".incbin \"" ICOSA_GPT2_RANKS
    "\"\n"
    ".global icosa_gpt2_ranks_end\n"
    ".hidden icosa_gpt2_ranks_end\n"
    "icosa_gpt2_ranks_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const char icosa_gpt2_ranks_begin[] __attribute__((visibility("hidden")));
extern const char icosa_gpt2_ranks_end[] __attribute__((visibility("hidden")));
}

namespace io {

std::string_view embedded_gpt2_ranks() noexcept {
  return {icosa_gpt2_ranks_begin, static_cast<std::size_t>(icosa_gpt2_ranks_end - icosa_gpt2_ranks_begin)};
}

}  // namespace io
