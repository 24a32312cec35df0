/*
 * The buddy allocator: a block is split into halves until it fits, and two free halves are one
 * again. Each step costs one level of the tree.
 */
#include "secret/buddy.h"

#include <stdlib.h>

unsigned buddy_order(size_t size)
{
  unsigned order = 0;

  while (buddy_size(order) < size)
    order++;
  return order;
}

bool buddy_init(struct buddy *buddy, unsigned order)
{
  size_t nodes = (size_t)2 << order;

  buddy->order = order;
  buddy->longest = malloc(nodes);
  if (buddy->longest == NULL)
    return false;
  for (size_t node = 1, level = 0; node < nodes; node++) {
    if (node >> (level + 1) != 0)
      level++;
    buddy->longest[node] = (uint8_t)(1 + order - level);
  }
  return true;
}

void buddy_free(struct buddy *buddy)
{
  free(buddy->longest);
  buddy->longest = NULL;
}

/* Puts right what is above a node that has changed; `order` is the node's. */
static void mend_above(struct buddy *buddy, size_t node, unsigned order)
{
  uint8_t *longest = buddy->longest;

  for (; node > 1; node /= 2, order++) {
    uint8_t left = longest[node & ~(size_t)1];
    uint8_t right = longest[node | 1];

    if (left == 1 + order && right == 1 + order)
      longest[node / 2] = (uint8_t)(2 + order);
    else
      longest[node / 2] = left > right ? left : right;
  }
}

/* Goes down to the half whose largest block is the smaller one that will do, to keep large blocks
 * whole. */
size_t buddy_take(struct buddy *buddy, unsigned order)
{
  const uint8_t *longest = buddy->longest;
  unsigned level = buddy->order;
  size_t node = 1;

  for (; level > order; level--) {
    uint8_t left = longest[2 * node];
    uint8_t right = longest[2 * node + 1];
    bool fits_left = left > order && (right <= order || left <= right);

    node = 2 * node + !fits_left;
  }
  buddy->longest[node] = 0;
  mend_above(buddy, node, order);
  return (node - ((size_t)1 << (buddy->order - order))) * buddy_size(order);
}

void buddy_give(struct buddy *buddy, size_t offset, unsigned order)
{
  size_t node = ((size_t)1 << (buddy->order - order)) + offset / buddy_size(order);

  buddy->longest[node] = (uint8_t)(1 + order);
  mend_above(buddy, node, order);
}
