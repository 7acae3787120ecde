// Files on the servers' disks: split models and weight masks.
#include "apps/serve/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "apps/serve/mask_file.h"
#include "mpc/offline/correlations.h"
#include "nn/models.h"
#include "nn/replacement.h"
#include "tests/apps/run_program.h"

namespace hush::apps::test {
namespace {

using hush::test::read_file;
using hush::test::TemporaryFolder;
using testing::HasSubstr;

nn::ModelInfo info() {
  nn::ModelInfo info;
  info.model = "resnet8";
  info.classes = 10;
  info.image = {1, 16, 16, 3};
  info.mean = info.std = {0.5f, 0.5f, 0.5f};
  return info;
}

Graph graph() {
  return nn::make_model("resnet8", 10, info().image, 3);
}

std::string path_of(const TemporaryFolder& folder, const char* role) {
  return folder / (std::string(role) + "/net.safetensors");
}

mpc::SecureOptions options(mpc::WeightMode mode) {
  mpc::SecureOptions options;
  options.weights = mode;
  return options;
}

void expect_equal(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_TRUE(std::ranges::equal(a.values<Ring>(), b.values<Ring>()));
}

TEST(SplitModel, SharesAddUpToTheWeights) {
  const TemporaryFolder folder;
  split_model(graph(), info(), options(mpc::WeightMode::shared), folder.path(), "net");
  const SplitModel part0 = load_split_model(path_of(folder, "party0"), mpc::Role::party0);
  const SplitModel part1 = load_split_model(path_of(folder, "party1"), mpc::Role::party1);
  const SplitModel deal = load_split_model(path_of(folder, "dealer"), mpc::Role::dealer);
  EXPECT_EQ(part0.identity, part1.identity);
  EXPECT_EQ(part0.network->digest(), deal.network->digest());
  EXPECT_TRUE(deal.weights.weights.empty());
  const mpc::SecureWeights plain =
      mpc::SecureNetwork(graph(), options(mpc::WeightMode::shared)).weights();
  for (std::size_t i = 0; i < plain.weights.size(); ++i) {
    Tensor sum = part0.weights.weights[i].clone();
    const auto other = part1.weights.weights[i].values<Ring>();
    for (std::size_t k = 0; k < other.size(); ++k) sum.values<Ring>()[k] += other[k];
    expect_equal(sum, plain.weights[i]);
  }
}

TEST(SplitModel, OwnersWeightsGoToParty0Alone) {
  const TemporaryFolder folder;
  split_model(graph(), info(), options(mpc::WeightMode::owner), folder.path(), "net");
  const SplitModel part0 = load_split_model(path_of(folder, "party0"), mpc::Role::party0);
  const SplitModel part1 = load_split_model(path_of(folder, "party1"), mpc::Role::party1);
  expect_equal(part0.weights.weights[0],
               mpc::SecureNetwork(graph(), options(mpc::WeightMode::owner)).weights().weights[0]);
  EXPECT_TRUE(part1.weights.weights.empty());
  EXPECT_THAT(read_file(path_of(folder, "party1")), testing::Not(HasSubstr("secret.0")));
  EXPECT_THAT(read_file(path_of(folder, "dealer")), testing::Not(HasSubstr("secret.0")));
}

TEST(SplitModel, GatesArePartOfThePlan) {
  const TemporaryFolder folder;
  Graph replaced = nn::replace_relus(graph(), false);
  const nn::GatedLayer layer = nn::gated_layers(replaced)[0];
  Tensor gate = replaced[layer.gate].value.clone();
  gate.values<float>()[7] = 0;
  replaced.set_value(layer.gate, gate);
  nn::ModelInfo described = info();
  described.replacement = "autorep dapa2";
  split_model(replaced, described, options(mpc::WeightMode::shared), folder.path(), "net");
  const SplitModel deal = load_split_model(path_of(folder, "dealer"), mpc::Role::dealer);
  EXPECT_EQ(deal.network->digest(),
            mpc::SecureNetwork(replaced, options(mpc::WeightMode::shared)).digest());
  EXPECT_EQ(deal.network->counts().polynomials, 1);
}

TEST(SplitModel, TwoSplitsAreTwoModels) {
  const TemporaryFolder one, two;
  for (const TemporaryFolder* folder : {&one, &two})
    split_model(graph(), info(), options(mpc::WeightMode::shared), folder->path(), "net");
  EXPECT_NE(load_split_model(path_of(one, "dealer"), mpc::Role::dealer).identity,
            load_split_model(path_of(two, "dealer"), mpc::Role::dealer).identity);
}

TEST(SplitModel, FoldersArePrivate) {
  const TemporaryFolder folder;
  split_model(graph(), info(), options(mpc::WeightMode::shared), folder.path(), "net");
  EXPECT_EQ(std::filesystem::status(folder / "party0").permissions(),
            std::filesystem::perms::owner_all);
}

class MaskFile : public testing::Test {
 protected:
  MaskFile() {
    demand_.add(mpc::WeightMask::request({4, 3}, 1));
    mpc::CorrelationShare share = mpc::empty_share(demand_.requests()[0], 0);
    for (std::size_t i = 0; i < 12; ++i) share.fields[0][i] = 100 + i;
    mpc::MemorySource source;
    source.add(demand_.requests()[0], std::move(share));
    write_mask_file(path_, identity_, id_, demand_, source);
  }
  std::optional<Id> read(const MaskIdentity& identity) const {
    mpc::MemorySource source;
    return read_mask_file(path_, identity, demand_, source);
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "masks";
  MaskIdentity identity_{0, mpc::sha256(std::string("model"))};
  Id id_ = random_id();
  mpc::Demand demand_;
};

TEST_F(MaskFile, KeepsMasks) {
  mpc::MemorySource source;
  EXPECT_EQ(read_mask_file(path_, identity_, demand_, source), id_);
  const mpc::WeightMask mask(source.take(demand_.requests()[0]));
  EXPECT_EQ(mask.b[11], 111u);
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(MaskFile, OfAnotherModelOrPartyDoNotCount) {
  EXPECT_EQ(read({0, mpc::sha256(std::string("other"))}), std::nullopt);
  EXPECT_EQ(read({1, identity_.binding}), std::nullopt);
  std::filesystem::remove(path_);
  EXPECT_EQ(read(identity_), std::nullopt);
}

TEST_F(MaskFile, DamageAndCuriosityAreNamed) {
  std::string bytes = read_file(path_);
  bytes[80] = char(bytes[80] ^ 1);
  std::ofstream(path_, std::ios::binary) << bytes;
  EXPECT_THROW(read(identity_), FileError);
  std::filesystem::permissions(path_, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  try {
    (void)read(identity_);
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("chmod 600"));
  }
}

}  // namespace
}  // namespace hush::apps::test
