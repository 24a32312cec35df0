/*
 * Prints each status as a line of number, name, HTTP status and "yes" or "no" for retryable, from
 * the functions that hosts call.
 */
#include <connector/error.h>

#include <stdio.h>
#include <string.h>

enum {
  NUMBERS = 256
};

int main(void)
{
  for (int number = 0; number < NUMBERS; number++) {
    connector_status status = (connector_status)number;
    const char *name = connector_status_name(status);

    if (strcmp(name, "UNKNOWN") != 0)
      printf("%d\t%s\t%d\t%s\n", number, name, connector_status_http(status),
             connector_status_retryable(status) ? "yes" : "no");
  }
  return 0;
}
