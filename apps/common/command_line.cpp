#include "apps/common/command_line.h"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "apps/common/quiet.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/thread_pool.h"
#include "cuda/register.h"

namespace hush::apps {
namespace {

// A GPU if there is one. A program that was built for GPUs says why it works without.
Device best_device(int index_on_host) {
  const std::string why_not = cuda::register_cuda();
  if (why_not.empty()) return {Device::Kind::cuda, index_on_host % cuda::device_count()};
  if (cuda::is_in_this_build() && !is_quiet()) fmt::print(stderr, "{}\n", why_not);
  return {};
}

Device named_device(const std::string& name) {
  const Device device = Device::parse(name);
  if (device.kind == Device::Kind::cuda) {
    (void)cuda::register_cuda();
    cuda::check_device(device.index);  // says more than that there is no such backend
  }
  return device;
}

// A validator that wants a number for which `holds` is true.
CLI::Validator number_check(bool (*holds)(double), const std::string& wanted) {
  return {[holds, wanted](const std::string& text) {
            double value = 0;
            const bool fine = CLI::detail::lexical_cast(text, value) && holds(value);
            return fine ? std::string() : "'" + text + "' is not a number " + wanted;
          },
          "NUMBER " + wanted};
}

}  // namespace

CLI::Validator above_zero() {
  return number_check([](double x) { return x > 0; }, "above 0");
}

CLI::Validator zero_or_more() {
  return number_check([](double x) { return x >= 0; }, "of at least 0");
}

int run_main(const std::string& program, const std::function<int()>& body) {
  try {
    const int status = body();
    // A full disk behind a redirected stream shows only here.
    if (std::fflush(stdout) != 0)
      throw FileError("cannot write to standard output; is the disk full?");
    return status;
  } catch (const std::bad_alloc&) {
    print_error(program, "out of memory; try a smaller --batch");
  } catch (const std::exception& error) {
    print_error(program, error.what());
  }
  return 1;
}

void print_error(const std::string& program, std::string what) {
  std::ranges::replace(what, '\n', ' ');  // whatever the library that threw put into it
  std::fflush(stdout);
  fmt::print(stderr, "{}: {}\n", program, what);
  std::fflush(stderr);
}

bool parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::Success& success) {  // --help
    if (!is_quiet()) app.exit(success);
    return false;
  } catch (const CLI::ParseError& error) {
    throw ArgumentError(fmt::format("{}; --help lists the options", error.what()));
  }
}

void DeviceOptions::add_to(CLI::App& app) {
  app.add_option("--device", device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--threads", threads, "CPU threads; 0: one per processor")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

Device DeviceOptions::apply(int index_on_host) const {
  if (threads > 0) set_thread_count(threads);
  const Device chosen = device == "auto" ? best_device(index_on_host) : named_device(device);
  backend(chosen);  // throws here, before any work, if this machine has no such device
  return chosen;
}

}  // namespace hush::apps
