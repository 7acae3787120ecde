// Makes certificates for two servers, a dealer and a client: ./apps/pi_certs
#include <fmt/format.h>

#include "apps/common/command_line.h"
#include "mpc/channel/certificate_authority.h"

namespace hush::apps {
namespace {

int run(int argc, char** argv) {
  CLI::App app(
      "Makes an authority and certificates for party0, party1, dealer and client. The authority's "
      "key is thrown away.");
  std::string folder = "certificates";
  int days = 365;
  app.add_option("folder", folder, "where they go")->capture_default_str();
  app.add_option("--days", days, "how long they hold")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  if (!parse(app, argc, argv)) return 0;
  mpc::write_test_certificates(folder, {.to = std::chrono::hours(24 * days)});
  fmt::print("wrote {}: give each machine ca.crt and its own .crt and .key, and nothing else\n",
             folder);
  return 0;
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("pi_certs", [&] { return hush::apps::run(argc, argv); });
}
