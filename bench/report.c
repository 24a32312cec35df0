/*
 * Prints progress, the table and the result file. What is measured is others' concern.
 */
#include "report.h"

#include <connector.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { RESULTS = 64, FIGURE = 24 };

static struct result results[RESULTS];
static size_t result_count;

/* ---- progress ---- */

static bool progress_shown;

static double now_seconds(void)
{
  struct timespec now = { 0 };

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Without a terminal a line is written when the work changes, and every ten seconds. */
static bool is_due(const char *what, bool terminal)
{
  static const char *last_what;
  static double last_time;
  double now = now_seconds();
  bool new_work = last_what == NULL || strcmp(last_what, what) != 0;

  if (!new_work && now - last_time < (terminal ? 0.25 : 10))
    return false;
  last_what = what;
  last_time = now;
  return true;
}

void progress_show(const char *what, int64_t done, int64_t total)
{
  bool terminal = isatty(STDERR_FILENO) != 0;
  const char *before = terminal ? "\r\033[K" : "";
  const char *after = terminal ? "" : "\n";

  if (!is_due(what, terminal))
    return;
  if (total > 0)
    fprintf(stderr, "%s%3d %% %s%s", before, (int)(100 * done / total), what, after);
  else
    fprintf(stderr, "%s      %s%s", before, what, after);
  fflush(stderr);
  progress_shown = terminal;
}

void progress_clear(void)
{
  if (progress_shown)
    fputs("\r\033[K", stderr);
  progress_shown = false;
}

void complain(const char *format, ...)
{
  va_list arguments;

  progress_clear();
  va_start(arguments, format);
  fputs("bench: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
}

/* ---- the table ---- */

static void figure(char text[FIGURE], enum unit unit, double value)
{
  if (value <= 0)
    snprintf(text, FIGURE, "-");
  else if (unit == UNIT_SHARE)
    snprintf(text, FIGURE, "%.2f", value);
  else if (unit == UNIT_PER_SECOND)
    snprintf(text, FIGURE, "%.0f/s", value);
  else if (unit == UNIT_BYTES && value >= 1e6)
    snprintf(text, FIGURE, "%.0f kB", value / 1000);
  else if (unit == UNIT_BYTES)
    snprintf(text, FIGURE, "%.0f B", value);
  else if (value < 1e-6)
    snprintf(text, FIGURE, "%.0f ns", value * 1e9);
  else if (value < 1e-2)
    snprintf(text, FIGURE, "%.2f us", value * 1e6);
  else
    snprintf(text, FIGURE, "%.2f ms", value * 1e3);
}

static const char *verdict(const struct result *result)
{
  bool good = result->limit_kind == LIMIT_AT_LEAST ? result->ratio >= result->limit
                                                   : result->ratio <= result->limit;

  if (result->limit_kind == LIMIT_NONE)
    return "";
  if (good)
    return "ok";
  return result->limit_kind == LIMIT_AT_LEAST ? "under" : "over";
}

static void print_line(const struct result *result)
{
  char other[FIGURE];
  char library[FIGURE];
  char ratio[FIGURE] = "";
  char span[FIGURE] = "";
  char limit[FIGURE] = "";

  figure(other, result->unit, result->other);
  figure(library, result->unit, result->library);
  if (result->ratio > 0)
    snprintf(ratio, sizeof(ratio), "%.2f", result->ratio);
  if (result->rounds > 0)
    snprintf(span, sizeof(span), "%.2f-%.2f", result->ratio_least, result->ratio_most);
  if (result->limit_kind != LIMIT_NONE)
    snprintf(limit, sizeof(limit), "%s %.2f",
             result->limit_kind == LIMIT_AT_LEAST ? ">=" : "<=", result->limit);
  printf("%-34s %-14s %12s %12s %7s %12s %8s  %s\n", result->operation, result->versus, other,
         library, ratio, span, limit, verdict(result));
  if (result->confidence > 0)
    printf("  timing: %.3f (%.1f %%: %.3f-%.3f)\n", result->ratio, 100 * result->confidence,
           result->ratio_low, result->ratio_high);
  fflush(stdout);
}

void report_add(const struct result *result)
{
  progress_clear();
  if (result_count == 0)
    printf("%-34s %-14s %12s %12s %7s %12s %8s\n", "operation", "beside", "the other",
           "libconnector", "ratio", "least-most", "limit");
  print_line(result);
  if (result_count < RESULTS)
    results[result_count++] = *result;
}

/* ---- the file ---- */

/* The machine's own texts may hold anything. */
static void write_text(FILE *file, const char *name, const char *text)
{
  fprintf(file, "  \"%s\": \"", name);
  for (; *text != '\0' && *text != '\n'; text++)
    if ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
      fputc(*text, file);
  fputs("\",\n", file);
}

static void write_machine(FILE *file)
{
  struct utsname machine;
  char line[256];
  FILE *cpus = fopen("/proc/cpuinfo", "r");

  if (uname(&machine) == 0) {
    snprintf(line, sizeof(line), "%.80s %.80s %.60s", machine.sysname, machine.release,
             machine.machine);
    write_text(file, "machine", line);
  }
  while (cpus != NULL && fgets(line, sizeof(line), cpus) != NULL)
    if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
      write_text(file, "processor", strchr(line, ':') + 2);
      break;
    }
  if (cpus != NULL)
    fclose(cpus);
  fprintf(file, "  \"processors\": %ld,\n", sysconf(_SC_NPROCESSORS_ONLN));
}

static void write_run(FILE *file, const struct run_facts *facts)
{
  char date[CONNECTOR_TIME_SIZE] = "";

  if (connector_time_format((int64_t)time(NULL) * 1000, date) == CONNECTOR_OK)
    write_text(file, "date", date);
  write_text(file, "library", connector_version());
  write_text(file, "sqlite", sqlite3_libversion());
#if defined(__clang__)
  write_text(file, "compiler", "clang " __clang_version__);
#elif defined(__GNUC__)
  write_text(file, "compiler", "gcc " __VERSION__);
#endif
  write_machine(file);
  fprintf(file, "  \"quick\": %s,\n  \"records\": %lld,\n", facts->quick ? "true" : "false",
          (long long)facts->records);
}

static void write_result(FILE *file, const struct result *result)
{
  static const char *const units[] = { "seconds", "per second", "bytes", "share" };
  static const char *const kinds[] = { "none", "at most", "at least" };

  fprintf(file, "    {\"operation\": \"%s\", \"beside\": \"%s\", \"unit\": \"%s\", ",
          result->operation, result->versus, units[result->unit]);
  fprintf(file, "\"other\": %.9g, \"libconnector\": %.9g, \"ratio\": %.4f, ", result->other,
          result->library, result->ratio);
  fprintf(file, "\"ratio_least\": %.4f, \"ratio_most\": %.4f, ", result->ratio_least,
          result->ratio_most);
  if (result->confidence > 0)
    fprintf(file, "\"ratio_low\": %.4f, \"ratio_high\": %.4f, \"confidence\": %.4f, ",
            result->ratio_low, result->ratio_high, result->confidence);
  fprintf(file, "\"limit\": %.2f, \"limit_is\": \"%s\", \"verdict\": \"%s\", ", result->limit,
          kinds[result->limit_kind], verdict(result));
  fprintf(file, "\"rounds\": %zu, \"calls\": %zu}", result->rounds, result->calls);
}

bool report_write(const char *path, const struct run_facts *facts)
{
  FILE *file = fopen(path, "w");
  bool failed = false;

  if (file == NULL) {
    complain("%s: %s", path, strerror(errno));
    return false;
  }
  fputs("{\n", file);
  write_run(file, facts);
  fputs("  \"operations\": [\n", file);
  for (size_t i = 0; i < result_count; i++) {
    write_result(file, &results[i]);
    fputs(i + 1 < result_count ? ",\n" : "\n", file);
  }
  fputs("  ]\n}\n", file);
  failed = ferror(file) != 0;
  if (fclose(file) != 0 || failed) {
    complain("%s: %s", path, strerror(errno));
    return false;
  }
  return true;
}
