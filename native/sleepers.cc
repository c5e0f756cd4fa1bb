#include "sleepers.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace proactor {

namespace {
std::mutex mutex;
std::vector<const uv_loop_t*> sleepers;
}  // namespace

bool ClaimSleeper(const uv_loop_t* loop) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (std::find(sleepers.begin(), sleepers.end(), loop) != sleepers.end()) return false;
  sleepers.push_back(loop);
  return true;
}

void ReleaseSleeper(const uv_loop_t* loop) {
  const std::lock_guard<std::mutex> lock(mutex);
  sleepers.erase(std::remove(sleepers.begin(), sleepers.end(), loop), sleepers.end());
}

}  // namespace proactor
