// Classifies images that nobody else sees: ./apps/pi_client IMAGE…
#include <thread>

#include "apps/common/classification.h"
#include "apps/common/command_line.h"
#include "apps/common/interrupt.h"
#include "apps/common/logits_file.h"
#include "apps/serve/query_client.h"

namespace hush::apps {
namespace {

struct Options {
  DatasetOptions dataset;
  std::vector<std::string> files;
  int from_test = 0, skip = 0, top = 3, patience = 60;
  std::size_t request = 16;
  std::string server0 = "127.0.0.1:7100", server1 = "127.0.0.1:7200";
  std::string certificates = "certificates", model, logits;
  bool json = false, quiet = false, summary = false;
};

QueryOptions query_options(const Options& o) {
  QueryOptions options;
  options.servers = {mpc::Address::parse(o.server0), mpc::Address::parse(o.server1)};
  options.credentials = mpc::load_credentials(o.certificates, "client");
  options.model = o.model;
  return options;
}

// Asks until there is an answer, the servers say that asking again is of no use, or the patience
// is over. A server that restarts, or whose queue is full, is waited for.
class PatientClient {
 public:
  PatientClient(QueryOptions options, std::chrono::seconds patience)
      : options_(std::move(options)), patience_(patience) {}

  ModelCard card() {
    return attempt([&] { return client_->card(); });
  }
  Tensor evaluate(const Tensor& images) {
    return attempt([&] { return client_->evaluate(images); });
  }
  int repeats() const { return repeats_; }

 private:
  template <class Action>
  std::invoke_result_t<Action> attempt(Action action) {
    const auto deadline = mpc::Clock::now() + patience_;
    for (std::chrono::milliseconds pause{50};; pause = std::min(2 * pause, kLongestPause)) {
      try {
        if (!client_) client_ = std::make_unique<QueryClient>(options_);
        return action();
      } catch (const QueryRefused& refused) {
        if (!refused.worth_another_try()) throw;
        give_up(deadline, pause);
      } catch (const mpc::PeerClosed&) {
        give_up(deadline, pause);
      } catch (const mpc::Timeout&) {
        give_up(deadline, pause);
      }
      client_.reset();
      ++repeats_;
      std::this_thread::sleep_for(pause);
    }
  }
  // Rethrows what is being handled, if there is no time for another attempt.
  static void give_up(mpc::Clock::time_point deadline, std::chrono::milliseconds pause) {
    if (interrupted() || mpc::Clock::now() + pause > deadline) throw;
  }

  static constexpr std::chrono::milliseconds kLongestPause{1000};
  QueryOptions options_;
  std::chrono::seconds patience_;
  std::unique_ptr<QueryClient> client_;
  int repeats_ = 0;
};

void print(const Options& o, const nn::ModelInfo& info, const Subject& subject,
           std::span<const float> logits) {
  if (o.quiet) return;
  const Prediction p = ranked(logits);
  fmt::print("{}\n", o.json ? prediction_json(info, subject, p, o.top).dump()
                            : prediction_text(info, subject, p, o.top));
}

std::vector<Subject> subjects(const Options& o, const nn::ModelInfo& info) {
  const int last = o.from_test == 0 ? 0 : o.skip + o.from_test;
  std::vector<Subject> images = read_subjects(o.files, last, o.dataset, info);
  if (o.from_test > 0) {
    const auto test = images.begin() + std::ptrdiff_t(o.files.size());
    images.erase(test, test + std::min<std::ptrdiff_t>(o.skip, images.end() - test));
  }
  return images;
}

void append(LogitsFile& file, const Tensor& logits, std::span<const Subject> images) {
  const Tensor labels = Tensor::empty({std::int64_t(images.size())}, DType::int32);
  for (std::size_t i = 0; i < images.size(); ++i)
    labels.values<std::int32_t>()[i] = images[i].label;
  file.append(logits, labels);
}

int ask(const Options& o) {
  require(!o.files.empty() || o.from_test > 0,
          "which images? name files, or take test images with --from-test N");
  catch_interrupts();
  PatientClient client(query_options(o), std::chrono::seconds(o.patience));
  const ModelCard card = client.card();
  const std::vector<Subject> images = subjects(o, card.info);
  const std::size_t most = std::min(o.request, std::size_t(card.most_images));
  const auto classes = std::size_t(card.info.classes);
  std::optional<LogitsFile> all;
  if (!o.logits.empty()) all.emplace(o.logits, card.info.classes);
  std::size_t right = 0;
  const auto start = mpc::Clock::now();
  for (std::size_t at = 0; at < images.size(); at += most) {
    if (interrupted()) throw Error("interrupted");
    const auto some = std::span(images).subspan(at, std::min(most, images.size() - at));
    const Tensor logits = client.evaluate(batch_of(some, card.info));
    if (all) append(*all, logits, some);
    for (std::size_t i = 0; i < some.size(); ++i) {
      const auto row = std::span<const float>(logits.values<float>()).subspan(i * classes, classes);
      if (some[i].label >= 0 && ranked(row).ranking[0] == some[i].label) ++right;
      print(o, card.info, some[i], row);
    }
  }
  if (all) all->commit();
  if (o.summary) {
    const double seconds = std::chrono::duration<double>(mpc::Clock::now() - start).count();
    fmt::print("{} images in {:.2f} s, {:.1f} a second; {} right; asked again {} times\n",
               images.size(), seconds, double(images.size()) / seconds, right, client.repeats());
  }
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("Names what is on images that the servers do not see.");
  Options o;
  app.add_option("images", o.files, "image files: PNG, JPEG, PGM, PPM");
  app.add_option("--from-test", o.from_test, "the first N test images of the model's dataset")
      ->check(CLI::Range(1, 10000));
  app.add_option("--skip", o.skip, "leave out so many of them")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--server0", o.server0, "HOST:PORT of party 0")->capture_default_str();
  app.add_option("--server1", o.server1, "HOST:PORT of party 1")->capture_default_str();
  app.add_option("--certificates", o.certificates, "folder of ca.crt, client.crt and client.key")
      ->capture_default_str();
  app.add_option("--model", o.model, "which of the servers' models, if they have several");
  app.add_option("--request", o.request, "images to ask for at once")
      ->check(CLI::Range(1, int(kMaxBatch)))
      ->capture_default_str();
  app.add_option("--patience", o.patience,
                 "seconds to ask again for when servers are busy or restart")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  app.add_option("--top", o.top, "how many classes to name")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--logits", o.logits, "write every image's label and logits to this CSV file");
  app.add_flag("--json", o.json, "one JSON object per image");
  app.add_flag("--quiet", o.quiet, "do not name the images");
  app.add_flag("--summary", o.summary, "say at the end how many images, how fast, how many right");
  o.dataset.add_to(app);
  if (!parse(app, argc, argv)) return 0;
  return ask(o);
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("pi_client", [&] { return hush::apps::run(argc, argv); });
}
