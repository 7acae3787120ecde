// A web server for one test: serves what it is told to on a port of its own at 127.0.0.1.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

namespace hush::data {

class HttpServer {
 public:
  struct Response {
    std::string body;
    int status = 200;
    std::size_t withheld = 0;   // bytes at the end that are announced but never sent
    std::string location = {};  // for redirections
  };

  explicit HttpServer(std::map<std::string, Response> responses)
      : responses_(std::move(responses)), socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || bind(socket_, generic, size) != 0 || listen(socket_, 8) != 0 ||
        getsockname(socket_, generic, &size) != 0)
      throw std::runtime_error("http server: no port at 127.0.0.1");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() {
    shutdown(socket_, SHUT_RDWR);  // ends accept()
    thread_.join();
    close(socket_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  int requests() const { return requests_; }

 private:
  void serve() {
    for (int client = 0; (client = accept(socket_, nullptr, nullptr)) >= 0; close(client)) {
      std::string request;
      char chunk[1024];
      while (request.find("\r\n\r\n") == request.npos) {
        const ssize_t got = recv(client, chunk, sizeof chunk, 0);
        if (got <= 0) break;
        request.append(chunk, std::size_t(got));
      }
      ++requests_;
      answer(client, request);
    }
  }

  void answer(int client, const std::string& request) const {
    const std::size_t begin = request.find('/') + 1;  // "GET /name HTTP/1.1"
    const auto found = responses_.find(request.substr(begin, request.find(' ', begin) - begin));
    const Response response =
        found == responses_.end() ? Response{.body = "absent", .status = 404} : found->second;
    std::string text =
        "HTTP/1.1 " + std::to_string(response.status) +
        " Status\r\nConnection: close\r\nContent-Length: " + std::to_string(response.body.size()) +
        "\r\n";
    if (!response.location.empty()) text += "Location: " + response.location + "\r\n";
    text += "\r\n" + response.body.substr(0, response.body.size() - response.withheld);
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t count = send(client, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;  // the client has hung up
      sent += std::size_t(count);
    }
  }

  const std::map<std::string, Response> responses_;
  const int socket_;
  int port_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

}  // namespace hush::data
