/*
 * Which parts of a region are free: a buddy allocator (Knuth, The Art of Computer Programming,
 * volume 1, section 2.5) whose notes stand apart from the memory itself, which may be inaccessible.
 */
#ifndef SECRET_BUDDY_H
#define SECRET_BUDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUDDY_LEAST = 32 }; /* bytes of a block of order 0; one order up doubles it */

struct buddy {
  uint8_t *longest; /* owned; of each node of a binary tree, 1 + the order of the largest free block
                       in it, 0 where there is none; the root is node 1 */
  unsigned order;   /* of the whole */
};

/* The order of the smallest block of at least `size` bytes. */
unsigned buddy_order(size_t size);

static inline size_t buddy_size(unsigned order)
{
  return (size_t)BUDDY_LEAST << order;
}

/* All free; false where memory is gone. */
bool buddy_init(struct buddy *buddy, unsigned order);
void buddy_free(struct buddy *buddy);

static inline bool buddy_has(const struct buddy *buddy, unsigned order)
{
  return buddy->longest[1] > order;
}

/* Takes a block of an order that buddy_has(); its offset in bytes. */
size_t buddy_take(struct buddy *buddy, unsigned order);

void buddy_give(struct buddy *buddy, size_t offset, unsigned order);

#endif
