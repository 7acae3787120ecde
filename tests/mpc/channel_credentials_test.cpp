// Certificates and keys on disk: private, whole or absent, never overwritten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

using testing::HasSubstr;

class CertificateFiles : public testing::Test {
 protected:
  CertificateFiles() {
    std::string name = testing::TempDir() + "certificates.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw Error("no temporary directory");
    parent_ = name;
    directory_ = parent_ / "new";
  }
  ~CertificateFiles() override { std::filesystem::remove_all(parent_); }

  std::filesystem::path parent_;
  std::filesystem::path directory_;
};

TEST_F(CertificateFiles, AreWrittenPrivatelyAndWork) {
  write_test_certificates(directory_);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    struct stat status {};
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, entry.path().extension() == ".key" ? 0600U : 0644U)
        << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 9U);  // four pairs and ca.crt; no key of the authority, nothing temporary
  auto [first, second] = make_socket_pair();
  auto dealer = std::async(std::launch::async, [this, socket = std::move(first)]() mutable {
    const TlsTransport end(std::move(socket), TlsSide::accepting,
                           load_credentials(directory_, "dealer"), "party1", soon());
  });
  EXPECT_NO_THROW(TlsTransport(std::move(second), TlsSide::connecting,
                               load_credentials(directory_, "party1"), "dealer", soon()));
  EXPECT_NO_THROW(dealer.get());
}

TEST_F(CertificateFiles, AreNeverOverwritten) {
  write_test_certificates(directory_);
  EXPECT_THROW(write_test_certificates(directory_), FileError);
}

TEST_F(CertificateFiles, KeyThatOthersMayReadIsRefused) {
  write_test_certificates(directory_);
  std::filesystem::permissions(directory_ / "party0.key", std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  try {
    load_credentials(directory_, "party0");
    FAIL() << "a key that others may read was accepted";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("chmod 600"));
  }
}

TEST_F(CertificateFiles, MissingFilesAreNamed) {
  write_test_certificates(directory_);
  std::filesystem::remove(directory_ / "ca.crt");
  try {
    load_credentials(directory_, "client");
    FAIL() << "loaded without an authority";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("ca.crt"));
  }
  EXPECT_THROW(load_credentials(parent_ / "absent", "client"), FileError);
}

TEST_F(CertificateFiles, WholeFileReplacesAnOlderOne) {
  const auto path = parent_ / "secret";
  std::ofstream(path) << "old and readable by all";
  write_whole_file(path, "new", Secrecy::secret);
  std::string content;
  std::ifstream(path) >> content;
  EXPECT_EQ(content, "new");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_THROW(write_whole_file(parent_ / "absent" / "x", "new", Secrecy::open), FileError);
}

}  // namespace
}  // namespace hush::mpc
