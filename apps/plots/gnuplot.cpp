#include "apps/plots/gnuplot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "nn/atomic_file.h"

namespace hush::apps {
namespace {

// In single quotes gnuplot knows no escapes; what could end them or the line goes.
std::string quoted(std::string text) {
  std::erase_if(text, [](char c) { return c == '\'' || c == '\n'; });
  return "'" + text + "'";
}

// Runs gnuplot with the arguments in that folder; its exit status, or -1 if there is none.
int run_gnuplot(std::vector<std::string> arguments, const std::filesystem::path& folder) {
  arguments.insert(arguments.begin(), "gnuplot");
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
  pid_t process = 0;
  const int failed = posix_spawnp(&process, "gnuplot", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || ::waitpid(process, &status, 0) != process || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

// Okabe and Ito's colours, which colour-blind readers can tell apart too.
constexpr std::array kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                              "#E69F00", "#56B4E9", "#000000", "#8C6D31"};
constexpr const char* kGrey = "#999999";
// Filled and open circles, squares, triangles, diamonds; crosses.
constexpr std::array kMarks{7, 5, 9, 11, 13, 6, 4, 8, 10, 12, 1, 2, 3};

std::string axes_script(const Plot& plot) {
  std::string text = fmt::format(
      "set title {} noenhanced\nset xlabel {} noenhanced\nset ylabel {} noenhanced\n"
      "set key below left Left reverse samplen 2 maxcols 1 noenhanced\n"
      "set border 3 lc rgb '#666666'\nset tics nomirror textcolor rgb '#333333'\n"
      "set grid lc rgb '#dddddd' lt 1\nset offsets graph 0.03, graph 0.03, 0, 0\n",
      quoted(plot.title), quoted(plot.x_label), quoted(plot.y_label));
  if (plot.log_x) text += "set logscale x\n";
  if (plot.log_y) text += "set logscale y\n";
  if (plot.whole_x) text += "set xtics 1\n";
  if (!plot.x_names.empty()) {
    text += "set xtics rotate by 45 right noenhanced (";
    for (std::size_t i = 0; i < plot.x_names.size(); ++i)
      text += fmt::format("{}{} {}", i > 0 ? ", " : "", quoted(plot.x_names[i]), i);
    text += ")\n";
  }
  return text;
}

}  // namespace

void require_gnuplot() {
  if (run_gnuplot({"--version"}, ".") != 0)
    throw Error("gnuplot is not installed; on Debian: apt-get install gnuplot-nox");
}

std::string gnuplot_script(const Plot& plot) {
  std::string text = axes_script(plot), curves;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const Series& series = plot.series[i];
    text += fmt::format("$data{} << END\n", i);
    for (const auto& [x, y] : series.points) text += fmt::format("{:.10g} {:.10g}\n", x, y);
    text += "END\n";
    curves += fmt::format("{}$data{} using 1:2 with {} lc rgb '{}' lw 2 pt {} ps 1.1 title {}",
                          i > 0 ? ", " : "", i, series.line ? "linespoints" : "points",
                          series.muted ? kGrey : kColours[i % kColours.size()],
                          kMarks[i % kMarks.size()], quoted(series.title));
  }
  const std::size_t height = 460 + 19 * plot.series.size();  // room for the key below
  text += fmt::format(
      "set terminal svg size 900,{} font 'sans,13' background 'white'\nset output {}\nplot {}\n",
      height, quoted(plot.name + ".svg"), curves);
  text += fmt::format("set terminal pngcairo size 900,{} font 'sans,11'\nset output {}\nreplot\n",
                      height, quoted(plot.name + ".png"));
  return text;
}

void draw(const Plot& plot, const std::filesystem::path& folder) {
  const std::string script = gnuplot_script(plot), name = plot.name + ".gp";
  const std::array parts{std::as_bytes(std::span(script))};
  nn::write_file_atomically(folder / name, parts);
  const int status = run_gnuplot({name}, folder);
  if (status != 0)
    throw Error(fmt::format("gnuplot failed on {} (status {}); run it there to see why",
                            (folder / name).string(), status));
}

}  // namespace hush::apps
