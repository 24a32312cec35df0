/*
 * Which thread this is, as a number that can be stored atomically.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <string.h>

/* Not 0, and different for each thread alive. */
static inline uintptr_t thread_identity(void)
{
  pthread_t self = pthread_self();
  uintptr_t identity = 0;

  memcpy(&identity, &self, sizeof(self) < sizeof(identity) ? sizeof(self) : sizeof(identity));
  return identity;
}

#endif
