/*
 * Guarded pages by mmap(). sodium_malloc() is not used: it hides whether mlock() held, leaves pages
 * to a child of fork(), and ends the process where its canary is overwritten.
 */
#undef _POSIX_C_SOURCE  /* on the BSDs it hides all that this file is about */
#define _DEFAULT_SOURCE /* madvise() and MAP_ANONYMOUS, in the GNU C library and musl */

#include "secret/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(MAP_ANONYMOUS) && defined(MAP_ANON)
#define MAP_ANONYMOUS MAP_ANON
#endif
#ifdef MAP_CONCEAL
#define MAP_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_CONCEAL) /* OpenBSD: no core dumps */
#else
#define MAP_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS)
#endif

static const int protections[] = {
  [PAGES_CLOSED] = PROT_NONE,
  [PAGES_READABLE] = PROT_READ,
  [PAGES_WRITABLE] = PROT_READ | PROT_WRITE,
};

/* 0 where the system does not tell. */
static size_t page_size(void)
{
  long size = sysconf(_SC_PAGESIZE);

  return size > 0 ? (size_t)size : 0;
}

size_t pages_round(size_t size)
{
  size_t page = page_size();

  if (page == 0 || size > SIZE_MAX / 2)
    return 0;
  return (size + page - 1) / page * page;
}

/* What can be had no more than asked for: an older kernel knows fewer of these, and the rest of the
 * protection stands without them. */
static void keep_out_of_dumps(char *pages, size_t size)
{
#ifdef MADV_DONTDUMP
  (void)madvise(pages, size, MADV_DONTDUMP);
#elif defined(MADV_NOCORE)
  (void)madvise(pages, size, MADV_NOCORE);
#endif
  (void)pages;
  (void)size;
}

static bool keep_out_of_children(char *pages, size_t size)
{
  (void)pages;
  (void)size;
#ifdef MADV_WIPEONFORK
  return madvise(pages, size, MADV_WIPEONFORK) == 0;
#elif defined(INHERIT_ZERO)
  return minherit(pages, size, INHERIT_ZERO) == 0;
#else
  return false;
#endif
}

/* mlock() brings the pages in, so it needs them accessible. */
char *pages_map(size_t size, struct pages_lack *lack)
{
  size_t page = page_size();
  char *whole = mmap(NULL, size + 2 * page, PROT_NONE, MAP_FLAGS, -1, 0);
  char *pages = NULL;

  if (whole == MAP_FAILED)
    return NULL;
  pages = whole + page;
  keep_out_of_dumps(pages, size);
  lack->inherited = !keep_out_of_children(pages, size);
  if (!pages_protect(pages, size, PAGES_WRITABLE)) {
    pages_unmap(pages, size);
    return NULL;
  }
  lack->lock_error = mlock(pages, size) == 0 ? 0 : errno;
  if (!pages_protect(pages, size, PAGES_CLOSED)) {
    pages_unmap(pages, size);
    return NULL;
  }
  return pages;
}

void pages_unmap(char *pages, size_t size)
{
  size_t page = page_size();

  (void)munmap(pages - page, size + 2 * page);
}

bool pages_protect(char *pages, size_t size, enum pages_access access)
{
  return mprotect(pages, size, protections[access]) == 0;
}
