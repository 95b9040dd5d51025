#include "io/ring_files.hpp"

#include <vector>

namespace io {

RingFiles::RingFiles(const FilesOptions& options, const RingSystem& system) : RequestFiles(options), context_(system) {
  std::vector<std::span<std::byte>> blocks;
  for (unsigned index = 0; index < pool_.blocks_count(); ++index) blocks.push_back(pool_.block(index).bytes);
  while (!blocks.empty() && !context_.register_buffers(blocks)) blocks.resize(blocks.size() / 2);
  blocks_registered_count_ = static_cast<unsigned>(blocks.size());
}

}  // namespace io
