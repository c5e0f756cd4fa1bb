// The loops in which a ring sleeps: one in each, since two would keep each other awake. Of the whole
// process, and not of an environment, because one loop may have loaded the addon several times.
#ifndef PROACTOR_SLEEPERS_H_
#define PROACTOR_SLEEPERS_H_

#include "uv_weak.h"

namespace proactor {

// False where another ring sleeps for that loop already.
bool ClaimSleeper(const uv_loop_t* loop);
void ReleaseSleeper(const uv_loop_t* loop);

}  // namespace proactor

#endif  // PROACTOR_SLEEPERS_H_
