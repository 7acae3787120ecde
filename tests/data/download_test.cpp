#include "data/download.h"

#include "data/archive.h"
#include "data/digest.h"
#include "data/file_bytes.h"
#include "tests/data/http_server.h"
#include "tests/data/scratch.h"
#include "tests/data/tar.h"

namespace hush::data {
namespace {

std::string md5(const std::string& text) {
  Digest digest("md5");
  digest.add(Bytes(text.begin(), text.end()));
  return digest.hex();
}

class Download : public ScratchTest {
 protected:
  std::filesystem::path target() const { return root() / "target"; }
  std::string contents() const {
    const Bytes bytes = read_file(target());
    return {bytes.begin(), bytes.end()};
  }
};

TEST_F(Download, OverHttpWithProgress) {
  const std::string body(300000, 'x');
  const HttpServer server({{"a.bin", {.body = body}}});
  DownloadProgress last;
  download(server.url() + "a.bin", target(), md5(body),
           [&](const DownloadProgress& progress) { last = progress; });
  EXPECT_EQ(contents(), body);
  EXPECT_EQ(last.received, 300000);
  EXPECT_EQ(last.total, 300000);
  EXPECT_EQ(last.url, server.url() + "a.bin");
}

TEST_F(Download, FollowsARedirection) {
  const HttpServer server(
      {{"old", {.body = "", .status = 302, .location = "/new"}}, {"new", {.body = "moved"}}});
  download(server.url() + "old", target(), md5("moved"));
  EXPECT_EQ(contents(), "moved");
}

TEST_F(Download, DoesNotFollowARedirectionToAFile) {
  const auto secret = write("secret", std::string("secret"));
  const HttpServer server(
      {{"a", {.body = "", .status = 302, .location = "file://" + secret.string()}}});
  expect_error<DownloadError>([&] { download(server.url() + "a", target(), md5("secret")); },
                              {server.url()});
  EXPECT_FALSE(std::filesystem::exists(target()));
}

TEST_F(Download, FromAFileUrl) {
  const auto source = write("source", std::string("local"));
  download("file://" + source.string(), target(), md5("local"));
  EXPECT_EQ(contents(), "local");
}

TEST_F(Download, WrongChecksum) {
  const HttpServer server({{"a", {.body = "tampered"}}});
  expect_error<DownloadError>([&] { download(server.url() + "a", target(), md5("genuine")); },
                              {server.url() + "a", md5("tampered"), md5("genuine")});
  EXPECT_FALSE(std::filesystem::exists(target()));
}

TEST_F(Download, ConnectionBreaksOff) {
  const std::string body(100000, 'x');
  const HttpServer server({{"a", {.body = body, .withheld = 10}}});
  expect_error<DownloadError>([&] { download(server.url() + "a", target(), md5(body)); },
                              {server.url() + "a"});
  EXPECT_FALSE(std::filesystem::exists(target()));
}

TEST_F(Download, NotFound) {
  const HttpServer server({});
  expect_error<DownloadError>([&] { download(server.url() + "a", target(), md5("")); },
                              {server.url() + "a", "404"});
}

TEST_F(Download, NoServer) {
  std::string url;
  {
    const HttpServer server({});
    url = server.url();
  }
  expect_error<DownloadError>([&] { download(url + "a", target(), md5("")); }, {url + "a"});
}

TEST_F(Download, TheCallbackCancels) {
  const HttpServer server({{"a", {.body = std::string(1 << 20, 'x')}}});
  struct Cancelled {};
  EXPECT_THROW(download(server.url() + "a", target(), "",
                        [](const DownloadProgress&) { throw Cancelled{}; }),
               Cancelled);
  EXPECT_FALSE(std::filesystem::exists(target()));
}

TEST_F(Download, FolderThatCannotBeWritten) {
  const HttpServer server({{"a", {.body = "x"}}});
  expect_error([&] { download(server.url() + "a", root() / "absent" / "a", md5("x")); },
               {"absent/a", "cannot be written"});
}

TEST_F(Download, FullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const std::string body(300000, 'x');
  const HttpServer server({{"a", {.body = body}}});
  std::filesystem::create_symlink("/dev/full", target());
  expect_error([&] { download(server.url() + "a", target(), md5(body)); }, {"disk full"});
  EXPECT_TRUE(std::filesystem::exists("/dev/full"));  // only the link was removed
}

using Archive = ScratchTest;

TEST_F(Archive, WritesOnlyFilesOfTheFolder) {
  const auto path = write("a.tar.gz", gzipped(tar({{"set/a.bin", "aaa"},
                                                   {"./set/b.bin", "bb"},
                                                   {"set/deeper/c.bin", "c"},
                                                   {"set/../d.bin", "d"},
                                                   {"set/..", "d"},
                                                   {"/set/e.bin", "e"},
                                                   {"other/f.bin", "f"},
                                                   {"set/link", "/etc/passwd", '2'},
                                                   {"set/hard", "set/a.bin", '1'}})));
  std::filesystem::create_directory(root() / "out");
  unpack_folder(path, "set", root() / "out");
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / "out"))
    names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, testing::UnorderedElementsAre("a.bin", "b.bin"));
  EXPECT_EQ(read_file(root() / "out/a.bin"), (Bytes{'a', 'a', 'a'}));
  EXPECT_FALSE(std::filesystem::exists(root() / "d.bin"));
}

TEST_F(Archive, Damaged) {
  const Bytes whole = gzipped(tar({{"set/a.bin", std::string(5000, 'a')}}));
  const auto cut = write("cut.tar.gz", std::span(whole).first(whole.size() / 2));
  expect_error([&] { unpack_folder(cut, "set", root()); }, {"cut.tar.gz", "damaged archive"});
  const auto text = write("text.tar.gz", std::string("this is no archive"));
  expect_error([&] { unpack_folder(text, "set", root()); }, {"text.tar.gz", "damaged archive"});
  expect_error([&] { unpack_folder(root() / "no.tar.gz", "set", root()); }, {"no.tar.gz"});
}

TEST_F(Archive, WithoutTheFolder) {
  const auto path = write("a.tar.gz", gzipped(tar({{"other/a.bin", "a"}})));
  expect_error([&] { unpack_folder(path, "set", root()); }, {"a.tar.gz", "folder set"});
}

}  // namespace
}  // namespace hush::data
