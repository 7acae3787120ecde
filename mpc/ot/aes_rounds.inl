// AES-128 on several registers at once: AESENC takes several cycles but one starts every cycle, so
// kStreams independent ones hide its latency. lanes_x86.inl includes this once per instruction set;
// no `#pragma once`: being included several times is its purpose.

template <std::size_t kStreams>
struct Streams {
  Lane lane[kStreams];
};

template <std::size_t kStreams>
inline void encrypt(const AesKey& key, Streams<kStreams>& x) {
  const Lane whitening = broadcast(key.round[0]);
  for (Lane& lane : x.lane) lane = exclusive_or(lane, whitening);
  for (unsigned round = 1; round < 10; ++round) {
    const Lane k = broadcast(key.round[round]);
    for (Lane& lane : x.lane) lane = encrypt_round(lane, k);
  }
  const Lane k = broadcast(key.round[10]);
  for (Lane& lane : x.lane) lane = encrypt_last(lane, k);
}
