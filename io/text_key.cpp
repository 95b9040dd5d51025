#include "io/text_key.hpp"

#include <algorithm>
#include <stdexcept>

#include "io/utf8.hpp"

namespace io {

TextKey::TextKey(std::string dotted) {
  if (dotted.empty()) throw std::invalid_argument("the text key is empty");
  if (first_invalid_utf8(dotted)) throw std::invalid_argument("the text key is not valid UTF-8");
  for (std::size_t begin = 0; begin <= dotted.size();) {
    const std::size_t end = std::min(dotted.find('.', begin), dotted.size());
    if (end == begin) throw std::invalid_argument("the text key \"" + dotted + "\" has an empty part");
    parts_.push_back(dotted.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace io
