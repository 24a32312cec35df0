#include "crowd.h"

#include <pthread.h>

enum { THREADS_MOST = 64 };

bool crowd_run(void *(*work)(void *), void *first, size_t count, size_t bytes)
{
  pthread_t started[THREADS_MOST];
  size_t running = 0;

  for (; running < count && running < THREADS_MOST; running++)
    if (pthread_create(&started[running], NULL, work, (char *)first + running * bytes) != 0)
      break;
  for (size_t i = 0; i < running; i++)
    (void)pthread_join(started[i], NULL);
  return running == count;
}
