// The reader of PyTorch's checkpoints on arbitrary files: a FileError of one line, or tensors that
// can all be read, none larger than the file. The first byte chooses whether the rest is a whole
// archive or the pickle of one, which random bytes would hardly get to.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/error.h"
#include "nn/torch_file.h"
#include "tests/nn/torch_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hush::nn;
  if (size == 0) return 0;
  static const int file = memfd_create("input", MFD_CLOEXEC);
  std::string input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (bytes[0] % 2 == 1)
    input = zip_of({{"a/data.pkl", input}, {"a/data/0", std::string(64, '\1')}, {"a/data/1", ""}});
  if (file < 0 || ftruncate(file, 0) != 0 ||
      pwrite(file, input.data(), input.size(), 0) != static_cast<ssize_t>(input.size()))
    std::abort();
  try {
    const TorchFile checkpoint("/proc/self/fd/" + std::to_string(file));
    for (const TorchFile::Entry& tensor : checkpoint.tensors()) {
      if (tensor.window * std::uint64_t(size_of(tensor.type)) > input.size()) std::abort();
      try {
        if (std::uint64_t(checkpoint.read(tensor.name).elements()) > input.size()) std::abort();
      } catch (const hush::FileError&) {  // an integer that does not fit
      }
    }
  } catch (const hush::FileError& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
