/*
 * A value to be searched for in memory, files and core dumps, and what a search needs.
 */
#ifndef TESTS_CANARY_H
#define TESTS_CANARY_H

#include "support.h"

#include <sys/resource.h>
#include <time.h>

/* ---- the canary: nowhere whole but where it is put ---- */

enum {
  CANARY = 48,
  PIECE = 16, /* so many bytes in a row are a find */
  MASK = 0xa5
};

/* Made from the time and the process, so that neither the program nor an older file holds it. */
static volatile unsigned char masked[CANARY];

static inline void new_canary(void)
{
  uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid() + (uint64_t)clock();

  for (size_t i = 0; i < CANARY; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    masked[i] = (unsigned char)(('a' + (seed >> 33) % 26) ^ MASK);
  }
}

static inline void write_canary(volatile char *to)
{
  for (size_t i = 0; i < CANARY; i++)
    to[i] = (char)(masked[i] ^ MASK);
}

static inline void wipe(volatile char *at, size_t length)
{
  for (size_t i = 0; i < length; i++)
    at[i] = 0;
}

static inline bool piece_at(const unsigned char *bytes, size_t first)
{
  for (size_t i = 0; i < PIECE; i++)
    if ((bytes[i] ^ MASK) != masked[first + i])
      return false;
  return true;
}

/* How many pieces of the canary the bytes hold. */
static inline size_t pieces_in(const unsigned char *bytes, size_t length)
{
  size_t found = 0;

  for (size_t at = 0; at + PIECE <= length; at++)
    for (size_t first = 0; first < CANARY; first += PIECE)
      if ((bytes[at] ^ MASK) == masked[first] && piece_at(bytes + at, first))
        found++;
  return found;
}

/* ---- core dumps ---- */

/* The kernel writes `core` or `core.PID` into the working folder. */
static inline bool kernel_dumps_here(void)
{
  struct rlimit limit = { 0, 0 };
  char pattern[200] = "";
  FILE *file = fopen("/proc/sys/kernel/core_pattern", "r");

  if (file == NULL)
    return false;
  if (fgets(pattern, sizeof(pattern), file) == NULL)
    pattern[0] = '\0';
  fclose(file);
  return strncmp(pattern, "core", 4) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 &&
         limit.rlim_max == RLIM_INFINITY;
}

static inline void name_of_core(char path[600])
{
  DIR *folder = opendir(test.folder);
  struct dirent *entry = NULL;

  assert_non_null(folder);
  path[0] = '\0';
  while ((entry = readdir(folder)) != NULL)
    if (strncmp(entry->d_name, "core", 4) == 0)
      snprintf(path, 600, "%s/%.200s", test.folder, entry->d_name);
  closedir(folder);
}

#endif
