/*
 * check FILE...: whether the operations recorded in the files are linearizable.
 */
#include "checker.h"

int main(int count, char **paths)
{
  struct operations operations = { .count = 0 };
  enum answer answer = LINEARIZABLE;
  for (int i = 1; i < count; i++)
    if (!read_operations(paths[i], &operations)) {
      fprintf(stderr, "can't read %s\n", paths[i]);
      free_operations(&operations);
      return 2;
    }
  answer = check_operations(&operations, stdout);
  if (answer == LINEARIZABLE)
    printf("%zu operations are linearizable\n", operations.count);
  free_operations(&operations);
  return answer == LINEARIZABLE ? 0 : 1;
}
