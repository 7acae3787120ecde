// PyTorch's own checkpoints: what torch.save(model.state_dict(), "model.pth") writes.
//
// A file is a zip archive (zip_archive.h) of stored entries below one folder:
//   NAME/data.pkl       a pickle of the state dict; each tensor is a call of _rebuild_tensor_v2
//                       with its storage, offset, sizes and strides
//   NAME/data/KEY       the elements of storage KEY; several tensors may share one
//   NAME/byteorder      "little" or "big"; little if absent
// The pickle is read by pickle.h, which executes nothing. A checkpoint that has its state dict
// under "state_dict", "model_state_dict" or "model", beside an epoch or an optimizer, is taken for
// that state dict. Everything that is not a plain dense tensor is refused.
//
// Source: torch/serialization.py and torch/_utils.py of PyTorch 1.13 and 2.x. Files of PyTorch
// before 1.6 have another format; the error says how to convert one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nn/file_elements.h"
#include "nn/readable_file.h"
#include "nn/weight_file.h"

namespace hush::nn {

class TorchFile final : public WeightFile {
 public:
  // A tensor, as a window of a storage.
  struct Entry {
    std::string name;
    FileType type = FileType::f32;
    Shape shape;
    Shape strides;             // in elements, none negative
    std::uint64_t begin = 0;   // of its first element, in bytes from the start of the file
    std::uint64_t window = 0;  // elements from its first to its last, both included
  };

  // Throws FileError that names the path if the file cannot be opened, is damaged, or holds
  // anything but plain tensors.
  explicit TorchFile(std::filesystem::path path);

  const std::filesystem::path& path() const override { return file_.path(); }
  const Metadata& metadata() const override { return no_metadata_; }
  std::vector<NamedShape> entries() const override;
  Tensor read(std::string_view name) const override;
  // In the order of the state dict.
  const std::vector<Entry>& tensors() const { return tensors_; }

 private:
  ReadableFile file_;
  Metadata no_metadata_;
  std::vector<Entry> tensors_;
};

}  // namespace hush::nn
