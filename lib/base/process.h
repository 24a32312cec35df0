/*
 * Whether this is still the process that made something, or a child of fork(). Asked with every
 * call, so it must not cost a system call where the system can help.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* All zero: of no process. */
struct process_mark {
  const volatile unsigned char *page; /* 1 here, 0 in a child; NULL where the system has no such */
  pid_t process;
};

/* Marks this process. */
void process_mark(struct process_mark *mark);

/* Releases what the mark takes; in a child too. */
void process_unmark(struct process_mark *mark);

bool process_ask(const struct process_mark *mark);

static inline bool process_is_same(const struct process_mark *mark)
{
  return mark->page != NULL ? *mark->page != 0 : process_ask(mark);
}

#endif
