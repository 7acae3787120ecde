// The safetensors reader on arbitrary files: a FileError, or tensors that can all be read, whose
// metadata is understood or refused likewise.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/error.h"
#include "nn/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hush::nn;
  static const int file = memfd_create("input", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, 0) != 0 ||
      pwrite(file, bytes, size, 0) != static_cast<ssize_t>(size))
    std::abort();
  try {
    const SafetensorsFile input("/proc/self/fd/" + std::to_string(file));
    std::uint64_t total = 0;
    for (const FileTensor& tensor : input.tensors()) {
      total += tensor.end - tensor.begin;
      try {
        if (input.read(tensor.name).elements() < 0) std::abort();
      } catch (const hush::FileError&) {  // an integer that does not fit
      }
    }
    if (total > size) std::abort();
    from_metadata(input.metadata(), "input");
  } catch (const hush::FileError& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
