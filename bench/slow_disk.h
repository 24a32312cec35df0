/*
 * A disk whose syncs take longer than they do here, as most disks' do.
 */
#ifndef BENCH_SLOW_DISK_H
#define BENCH_SLOW_DISK_H

#include <stdbool.h>

/* From now on a sync of SQLite's in a file that is then opened takes `us` microseconds more. */
bool slow_disk_begin(long us);

/* Once the files are closed. */
void slow_disk_end(void);

#endif
