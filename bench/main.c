/*
 * The benchmark: each operation of the library beside a hand-written sqlite3 program that does the
 * same durable work, in the same run. It reports; it never fails because something is slow.
 */
#include "bench.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  FULL_RECORDS = 1000000,
  QUICK_RECORDS = 20000,
  MIDDLE_RECORDS = 100000,
  LEAST_RECORDS = 5000
};

static const struct group *const groups[] = {
  &bench_disk_writes,
  &bench_memory_writes,
  &bench_disk_history,
  &bench_memory_history,
  &bench_feed,
  &bench_claims,
  &bench_memory_claims,
  &bench_streams,
  &bench_json,
  &bench_strangers,
  &bench_threads,
  &bench_reads,
  &bench_opens,
  &bench_secrets,
  &bench_beside,
  &bench_writers,
  &bench_writers_slow,
  &bench_writers_normal,
  /* the last: it writes to the large file */
  &bench_large_claims,
};

enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

/* ---- options ---- */

struct options {
  struct bench bench;
  const char *results;
  bool list;
  bool help;
};

static const char usage[] =
    "usage: bench [options]\n"
    "  --quick             20,000 records and fewer rounds, for continuous integration\n"
    "  --only TEXT         the operations whose name holds TEXT\n"
    "  --list              name the operations\n"
    "  --records N         records in the large file (1000000)\n"
    "  --rounds N          rounds for each operation, 5 to 101 (21)\n"
    "  --dir DIR           where the files go: on the disk to be measured\n"
    "  --memory-dir DIR    a folder in memory (/dev/shm)\n"
    "  --results FILE      the figures as JSON\n"
    "  --library-bytes N   size of the stripped shared library, to be shown\n";

static bool number_of(const char *text, int64_t least, int64_t *number)
{
  char *end = NULL;
  long long value = 0;

  errno = 0;
  value = text != NULL ? strtoll(text, &end, 10) : 0;
  if (text == NULL || end == text || *end != '\0' || errno != 0 || value < least)
    return false;
  *number = value;
  return true;
}

static bool take_valued(struct options *options, const char *name, const char *value)
{
  struct bench *bench = &options->bench;
  int64_t rounds = 0;

  if (value == NULL)
    return false;
  if (strcmp(name, "--only") == 0)
    bench->only = value;
  else if (strcmp(name, "--dir") == 0)
    bench->directory = value;
  else if (strcmp(name, "--memory-dir") == 0)
    bench->memory_directory = value;
  else if (strcmp(name, "--results") == 0)
    options->results = value;
  else if (strcmp(name, "--records") == 0)
    return number_of(value, LEAST_RECORDS, &bench->records);
  else if (strcmp(name, "--library-bytes") == 0)
    return number_of(value, 0, &bench->library_bytes);
  else if (strcmp(name, "--rounds") == 0 && number_of(value, 5, &rounds) &&
           rounds <= CONTEST_ROUNDS_MOST)
    bench->contest.rounds = (size_t)rounds;
  else
    return false;
  return true;
}

static bool take_options(struct options *options, int count, char **arguments)
{
  for (int i = 1; i < count; i++) {
    const char *name = arguments[i];

    if (strcmp(name, "--quick") == 0)
      options->bench.quick = true;
    else if (strcmp(name, "--list") == 0)
      options->list = true;
    else if (strcmp(name, "--help") == 0)
      options->help = true;
    else if (take_valued(options, name, i + 1 < count ? arguments[i + 1] : NULL))
      i++;
    else
      return false;
  }
  return true;
}

static void set_defaults(struct options *options)
{
  struct bench *bench = &options->bench;

  if (bench->records == 0)
    bench->records = bench->quick ? QUICK_RECORDS : FULL_RECORDS;
  bench->middle_records = bench->records < MIDDLE_RECORDS ? bench->records : MIDDLE_RECORDS;
  if (bench->contest.rounds == 0)
    bench->contest.rounds = bench->quick ? 7 : 21;
  bench->contest.round_seconds = bench->quick ? 0.03 : 0.08;
  if (bench->memory_directory == NULL && access("/dev/shm", W_OK) == 0)
    bench->memory_directory = "/dev/shm";
  if (bench->directory == NULL)
    bench->directory = "build/bench/data";
  if (options->results == NULL)
    options->results = "build/bench/results.json";
}

/* ---- running ---- */

bool bench_no_memory_directory(const struct bench *bench)
{
  if (bench->memory_directory != NULL)
    return false;
  complain("no storage in memory here: its operations are SKIPPED (--memory-dir names a folder)");
  return true;
}

bool bench_wants(const struct bench *bench, const char *operation)
{
  return bench->only == NULL || strstr(operation, bench->only) != NULL;
}

static bool wants_group(const struct bench *bench, const struct group *group)
{
  for (size_t i = 0; i < group->count; i++)
    if (bench_wants(bench, group->contests[i].operation))
      return true;
  return false;
}

static bool run_group(struct bench *bench, const struct group *group)
{
  void *context = NULL;
  bool good = true;

  if (!wants_group(bench, group) || (group->skip != NULL && group->skip(bench)))
    return true;
  context = group->open(bench, group);
  if (context == NULL)
    return false;
  for (size_t i = 0; good && i < group->count; i++)
    if (bench_wants(bench, group->contests[i].operation))
      good = contest_run(&group->contests[i], &bench->contest, context);
  group->close(context);
  return good;
}

static bool run_groups(struct bench *bench, bool large)
{
  bool good = true;

  for (size_t i = 0; good && i < GROUPS; i++)
    if (groups[i]->large == large)
      good = run_group(bench, groups[i]);
  return good;
}

static bool wants_large(const struct bench *bench)
{
  for (size_t i = 0; i < GROUPS; i++)
    if (groups[i]->large && wants_group(bench, groups[i]))
      return true;
  return false;
}

/* The large file comes last: writing it leaves some disks slow for a while. */
static bool run_all(struct bench *bench)
{
  bool large = wants_large(bench);
  bool good = true;

  printf("libconnector %s: %lld records in the large file, %lld in the middle one; %zu rounds\n\n",
         connector_version(), (long long)(large ? bench->records : 0),
         (long long)bench->middle_records, bench->contest.rounds);
  good = stores_fill(bench) && run_groups(bench, false) && bench_processes(bench) &&
         bench_sizes(bench);
  if (good && large)
    good = stores_fill_large(bench) && run_groups(bench, true);
  progress_clear();
  store_remove(bench->small_path);
  store_remove(bench->middle_path);
  store_remove(bench->large_path);
  return good;
}

static bool wants_any(const struct bench *bench)
{
  bool any = false;

  for (size_t i = 0; i < GROUPS; i++)
    any = any || wants_group(bench, groups[i]);
  for (size_t i = 0; i < bench_size_count; i++)
    any = any || bench_wants(bench, bench_size_names[i]);
  for (size_t i = 0; i < bench_process_count; i++)
    any = any || bench_wants(bench, bench_process_names[i]);
  if (!any)
    complain("no operation has \"%s\" in its name: --list names them", bench->only);
  return any;
}

static void list_operations(void)
{
  for (size_t i = 0; i < GROUPS; i++)
    for (size_t j = 0; j < groups[i]->count; j++)
      printf("%s (beside %s)\n", groups[i]->contests[j].operation, groups[i]->contests[j].versus);
  for (size_t i = 0; i < bench_process_count; i++)
    printf("%s\n", bench_process_names[i]);
  for (size_t i = 0; i < bench_size_count; i++)
    printf("%s\n", bench_size_names[i]);
}

static bool make_directory(const char *path)
{
  if (mkdir(path, 0700) == 0 || errno == EEXIST)
    return true;
  complain("%s: %s", path, strerror(errno));
  return false;
}

int main(int count, char **arguments)
{
  struct options options = { 0 };
  struct run_facts facts = { 0 };

  if (!take_options(&options, count, arguments)) {
    fputs(usage, stderr);
    return 2;
  }
  if (options.help)
    fputs(usage, stdout);
  else if (options.list)
    list_operations();
  if (options.help || options.list)
    return 0;
  if (!wants_any(&options.bench))
    return 2;
  set_defaults(&options);
  if (sodium_init() < 0 || !make_directory(options.bench.directory) || !run_all(&options.bench))
    return 1;
  facts.quick = options.bench.quick;
  facts.records = options.bench.records;
  if (!report_write(options.results, &facts))
    return 1;
  printf("\nthe figures are in %s\n", options.results);
  return 0;
}
