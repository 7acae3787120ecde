#include "mpc/offline/portion.h"

#include <algorithm>

namespace hush::mpc {

bool Portion::deals(std::size_t i, int party) const {
  const Field& field = fields[i];
  return is_dealt(field, party) && field.words != 0 &&
         (first || field.source != FieldSource::announced);
}

bool Portion::deals_anything(int party) const {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (deals(i, party)) return true;
  return false;
}

std::vector<Portion> portions_of(const CorrelationRequest& request) {
  std::vector<Portion> portions;
  std::vector<std::size_t> offsets(layout(request).size());
  for (std::size_t done = 0; done < request.count; done += kPortion) {
    Portion portion{request, {}, offsets, done == 0};
    portion.request.count = std::min<std::size_t>(kPortion, request.count - done);
    portion.fields = layout(portion.request);
    for (std::size_t i = 0; i < offsets.size(); ++i)
      if (portion.fields[i].source != FieldSource::announced) offsets[i] += portion.fields[i].words;
    portions.push_back(std::move(portion));
  }
  return portions;
}

}  // namespace hush::mpc
