// Plots drawn by gnuplot.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace hush::apps {

struct Series {
  std::string title;
  std::vector<std::pair<double, double>> points;
  bool line = true;    // connect the points
  bool muted = false;  // in grey: what others measured
};

struct Plot {
  std::string name;  // of the files, without an ending
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;
  bool whole_x = false;                   // a tick at every whole number
  std::vector<std::string> x_names = {};  // names in place of the numbers 0, 1, …
  std::vector<Series> series = {};
};

// Throws Error, saying how to mend it, if gnuplot cannot be run.
void require_gnuplot();

// The script that draws NAME.svg and NAME.png beside itself; it holds the data too.
std::string gnuplot_script(const Plot& plot);

// Writes NAME.gp into the folder and runs it. Throws Error if gnuplot fails.
void draw(const Plot& plot, const std::filesystem::path& folder);

}  // namespace hush::apps
