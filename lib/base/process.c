/*
 * Marks: a page that the system empties in a child, where it can.
 */
#undef _POSIX_C_SOURCE  /* on the BSDs it hides what this file needs */
#define _DEFAULT_SOURCE /* madvise() and MAP_ANONYMOUS, in the GNU C library and musl */

#include "base/process.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void process_mark(struct process_mark *mark)
{
  *mark = (struct process_mark){ .process = getpid() };
#if defined(MADV_WIPEONFORK) && defined(MAP_ANONYMOUS)
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  unsigned char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                             0);

  if (page == MAP_FAILED)
    return;
  if (madvise(page, size, MADV_WIPEONFORK) != 0) {
    (void)munmap(page, size);
    return;
  }
  *page = 1;
  (void)mprotect(page, size, PROT_READ);
  mark->page = page;
#endif
}

void process_unmark(struct process_mark *mark)
{
  if (mark->page != NULL)
    (void)munmap((void *)(uintptr_t)mark->page, (size_t)sysconf(_SC_PAGESIZE));
  *mark = (struct process_mark){ .page = NULL };
}

bool process_ask(const struct process_mark *mark)
{
  return mark->process == getpid();
}
