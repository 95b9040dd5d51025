#pragma once

// What the tests of corpora share: trees of files made for them, and what was found in them.

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/corpus.hpp"
#include "tests/support/temporary_folder.hpp"

namespace corpus_help {

class Tree {
 public:
  std::string operator/(const std::string& name) const { return (folder_.path() / name).string(); }

  /// Makes the file and the folders above it.
  const Tree& file(const std::string& name, const std::string& text = "text") const {
    const std::filesystem::path path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return *this;
  }
  const Tree& folder(const std::string& name) const {
    std::filesystem::create_directories(folder_.path() / name);
    return *this;
  }
  const Tree& link(const std::string& name, const std::string& target) const {
    std::filesystem::create_symlink(target, folder_.path() / name);
    return *this;
  }
  const Tree& fifo(const std::string& name) const {
    BOOST_REQUIRE(::mkfifo((*this / name).c_str(), 0600) == 0);
    return *this;
  }
  const Tree& listening_socket(const std::string& name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = *this / name;
    BOOST_REQUIRE(path.size() < sizeof(address.sun_path));
    path.copy(address.sun_path, path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    BOOST_REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    ::close(descriptor);
    return *this;
  }

  /// What is found below the names, which are relative to the tree.
  io::Corpus find(const std::vector<std::string>& names) const {
    std::vector<std::string> paths;
    for (const std::string& name : names)
      paths.push_back(name.starts_with('@') ? "@" + (*this / name.substr(1)) : *this / name);
    return io::find_corpus(paths);
  }

 private:
  tests::TemporaryFolder folder_;
};

inline std::vector<std::string> origins(const io::Corpus& corpus) {
  std::vector<std::string> list;
  for (const io::Source& source : corpus.sources) list.push_back(source.origin);
  return list;
}

using Names = std::vector<std::string>;

/// For BOOST_CHECK_EXCEPTION: one line with `part` in it.
inline auto says(std::string part) {
  return [part](const std::exception& error) {
    const std::string text = error.what();
    BOOST_TEST_INFO(text);
    return text.find(part) != text.npos && text.find('\n') == text.npos;
  };
}

}  // namespace corpus_help
