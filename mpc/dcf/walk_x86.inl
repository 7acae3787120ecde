// The one body of the walk. walk_x86.cpp includes it once per instruction set, inside a namespace
// that defines Lane (a SIMD register of kLaneBlocks blocks) and the operations on it. No `#pragma
// once`: being included several times is its purpose.
//
// The trick: all nodes of a strip stay in registers for the whole walk, and kStreams independent
// registers hide the latency of AESENC. Corrections are the only memory read.

// H(in ^ tag), as declared in dcf.h.
template <std::size_t kStreams>
inline Streams<kStreams> hash(const AesKey& key, const Streams<kStreams>& in, Lane tag) {
  Streams<kStreams> x;
  for (std::size_t s = 0; s < kStreams; ++s) x.lane[s] = exclusive_or(in.lane[s], tag);
  Streams<kStreams> y = x;
  encrypt(key, y);
  for (std::size_t s = 0; s < kStreams; ++s) y.lane[s] = exclusive_or(y.lane[s], x.lane[s]);
  return y;
}

// Walks keys first … first + kStreams * kLaneBlocks - 1 of the strip.
template <std::size_t kStreams, unsigned kValueBlocks>
inline void walk_part(const DcfWalk& walk, std::size_t first) {
  constexpr unsigned kSums = kValueBlocks == 0 ? 1 : kValueBlocks;
  const Lane one = low_word(1);
  const Lane control = low_word(kDcfControlBits);
  Streams<kStreams> node;
  Streams<kStreams> selector;  // bit d of the low word, d the side taken last
  Streams<kStreams> sum[kSums];
  for (std::size_t s = 0; s < kStreams; ++s) {
    node.lane[s] = load(walk.nodes + first + s * kLaneBlocks);
    selector.lane[s] = one;
    for (unsigned j = 0; j < kSums; ++j) sum[j].lane[s] = exclusive_or(one, one);
  }
  const Block* corrections = walk.corrections + first;
  for (unsigned level = 0; level < walk.shape.levels(); ++level) {
    const unsigned bit = walk.shape.domain_bits - 1 - level;
    for (unsigned j = 0; j <= kValueBlocks; ++j)
      for (std::size_t s = 0; s < kStreams * kLaneBlocks / 4; ++s)
        prefetch(corrections + kPrefetchAhead + j * kDcfStrip + 4 * s);
    Streams<kStreams> chosen;  // all ones where the node is on the path
    for (std::size_t s = 0; s < kStreams; ++s) {
      const Lane x = load(walk.points + first + s * kLaneBlocks);
      const Lane side = bit_and(shift_right(x, bit), one);
      chosen.lane[s] = any_bit(bit_and(node.lane[s], selector.lane[s]));
      node.lane[s] = exclusive_or(bit_and_not(control, node.lane[s]), side);
      selector.lane[s] = add(one, side);
    }
    for (unsigned j = 0; j < kValueBlocks; ++j) {
      const Streams<kStreams> value = hash(*walk.key, node, low_word(2u << j));
      const Block* correction = corrections + (1 + j) * kDcfStrip;
      for (std::size_t s = 0; s < kStreams; ++s) {
        const Lane c = bit_and(load(correction + s * kLaneBlocks), chosen.lane[s]);
        sum[j].lane[s] = add(sum[j].lane[s], add(value.lane[s], c));
      }
    }
    node = hash(*walk.key, node, low_word(0));
    for (std::size_t s = 0; s < kStreams; ++s) {
      const Lane c = bit_and(load(corrections + s * kLaneBlocks), chosen.lane[s]);
      node.lane[s] = exclusive_or(node.lane[s], c);
      if constexpr (kValueBlocks == 0) sum[0].lane[s] = exclusive_or(sum[0].lane[s], node.lane[s]);
    }
    corrections += (1 + kValueBlocks) * kDcfStrip;
  }
  for (std::size_t s = 0; s < kStreams; ++s) {
    store(walk.nodes + first + s * kLaneBlocks, node.lane[s]);
    for (unsigned j = 0; j < kSums; ++j)
      store(walk.sums + j * kDcfStrip + first + s * kLaneBlocks, sum[j].lane[s]);
  }
}

template <std::size_t kStreams, unsigned kValueBlocks>
inline void walk_strip(const DcfWalk& walk) {
  constexpr std::size_t kPart = kStreams * kLaneBlocks;
  static_assert(kDcfStrip % kPart == 0);
  for (std::size_t first = 0; first < kDcfStrip; first += kPart)
    walk_part<kStreams, kValueBlocks>(walk, first);
}

void walk(const DcfWalk& walk) {
  switch (walk.shape.value_blocks) {
    case 0:
      return walk_strip<8, 0>(walk);
    case 1:
      return walk_strip<8, 1>(walk);
    default:
      return walk_strip<8, 2>(walk);
  }
}
