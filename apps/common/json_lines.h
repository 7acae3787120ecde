// Metrics as JSON lines: one object per line, appended, readable while a run goes on.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace hush::apps {

// Keys stay in the order in which they were set.
using Json = nlohmann::ordered_json;

// Appends objects to a file. Each line is written whole and reaches the disk before `append`
// returns; a line that an earlier crash left half-written is cut off on opening.
class JsonLines {
 public:
  // Throws FileError if the file cannot be opened for appending.
  explicit JsonLines(std::filesystem::path path);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  // Throws FileError when the line cannot be written whole; the file then ends as before.
  void append(const Json& object);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

// All objects of a file, for resuming and for reports. Throws FileError naming the line.
std::vector<Json> read_json_lines(const std::filesystem::path& path);

}  // namespace hush::apps
