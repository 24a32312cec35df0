/*
 * The records that the benchmark writes: made from a seed and a number, the same in every run,
 * about 1.3 KB of text each, shaped like connectors that applications have.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <connector.h>

#include <stddef.h>
#include <stdint.h>

enum { SAMPLE_TEXT = 2560 };

/* Who writes and reads all of it: a person's member session with two groups. */
extern const connector_caller sample_caller;

/* What a row is looked for by in the filtered list: one record in eight has it. */
extern const char sample_provider[];

struct sample {
  connector_patch patch; /* its text lies in `text`, so a row must not be copied */
  char text[SAMPLE_TEXT];
  size_t used;
};

/* Fills a row with the record of number `index`. */
void sample_make(struct sample *sample, uint64_t index);

/* A number of a sequence that depends on `seed` alone (splitmix64). */
uint64_t sample_random(uint64_t *seed);

/* Bytes of text in a record, without NULs. */
size_t sample_text_bytes(const connector *record);

#endif
