// A library that is opened at run time.
#pragma once

#include <dlfcn.h>

#include <string>

#include "cuda/error.h"

namespace hush::cuda {

class SharedLibrary {
 public:
  // Throws CudaError unless the machine has it. It stays open: its threads may outlive main.
  explicit SharedLibrary(const std::string& file)
      : file_(file), handle_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr)
      throw CudaError(
          fmt::format("cuda: this machine has no {} (install it, or set "
                      "LD_LIBRARY_PATH to its folder), or use 'own'",
                      file));
  }

  // The function `name`, of the type that the library's header declares.
  template <class Function>
  Function* function(const char* name) const {
    void* address = dlsym(handle_, name);
    if (address == nullptr)
      throw CudaError(
          fmt::format("cuda: {} has no function '{}'; it is of another version than "
                      "this build's headers",
                      file_, name));
    return reinterpret_cast<Function*>(address);
  }

 private:
  std::string file_;
  void* handle_;
};

}  // namespace hush::cuda
