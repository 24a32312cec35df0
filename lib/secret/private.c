/*
 * Owners, modes and, on Linux, access lists.
 */
#include "secret/private.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/xattr.h>
#endif

enum {
  STICKY = 01000, /* S_ISVTX, which plain POSIX does not name */
  OF_GROUP = 0070,
  OF_OTHERS = 0007,
};

static bool is_trusted(uid_t user)
{
  return user == 0 || user == geteuid();
}

#ifdef __linux__

/* The kernel's form of an access list: a version, then entries, all little-endian
 * (linux/posix_acl_xattr.h). */
enum {
  LIST_VERSION = 2,
  LIST_HEAD = 4,
  LIST_ENTRY = 8,
  LIST_MOST = 64, /* entries; a longer list is no private file's */
  TAG_OWNER = 0x01,
  TAG_USER = 0x02,
  TAG_MASK = 0x10,
};

static uint32_t number(const uint8_t *bytes, size_t count)
{
  uint32_t value = 0;

  while (count-- > 0)
    value = value << 8 | bytes[count];
  return value;
}

/* Groups and others are granted nothing, and no user but this one and root is. */
static bool entry_is_private(const uint8_t *entry)
{
  uint32_t tag = number(entry, 2);
  uint32_t rights = number(entry + 2, 2);

  if (tag == TAG_OWNER || tag == TAG_MASK || rights == 0)
    return true;
  return tag == TAG_USER && is_trusted(number(entry + 4, 4));
}

/* With a list, the mode's bits of the group are its mask: the most that any entry grants. */
static bool list_is_private(int file)
{
  uint8_t list[LIST_HEAD + LIST_MOST * LIST_ENTRY];
  ssize_t length = fgetxattr(file, "system.posix_acl_access", list, sizeof(list));

  if (length < LIST_HEAD + LIST_ENTRY || number(list, LIST_HEAD) != LIST_VERSION)
    return false;
  for (ssize_t at = LIST_HEAD; at < length; at += LIST_ENTRY)
    if (length - at < LIST_ENTRY || !entry_is_private(list + at))
      return false;
  return true;
}

#else

static bool list_is_private(int file)
{
  (void)file;
  return false;
}

#endif

const char *private_file(int file, const struct stat *about)
{
  if (!S_ISREG(about->st_mode))
    return "is not a regular file";
  if (!is_trusted(about->st_uid))
    return "belongs to another user than this one and root";
  if ((about->st_mode & OF_OTHERS) != 0)
    return "is open to others";
  if ((about->st_mode & OF_GROUP) != 0 && !list_is_private(file))
    return "is open to its group";
  return NULL;
}

const char *private_folder(const struct stat *about)
{
  if (!S_ISDIR(about->st_mode))
    return "is not a folder";
  if (!is_trusted(about->st_uid))
    return "belongs to another user than this one and root";
  if ((about->st_mode & (S_IWGRP | S_IWOTH)) != 0 && (about->st_mode & STICKY) == 0)
    return "can be changed by its group or others";
  return NULL;
}
