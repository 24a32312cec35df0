# Counts of what each operation does, in figures that don't depend on the machine: bench/counts.

COUNTS := $(BUILD)/bench/counts/counts
COUNTS_SOURCES := $(sort $(wildcard bench/counts/*.c)) bench/samples.c

$(COUNTS): $(COUNTS_SOURCES) $(wildcard bench/counts/*.h) bench/samples.h tests/fault/passing_vfs.h $(BUILD)/$(SHARED_LINK)
	@mkdir -p $(@D)
	$(CC) $(APP_FLAGS) -Ibench -Itests/fault $(DEP_CFLAGS) $(CFLAGS) $(CPPFLAGS) -o $@ $(COUNTS_SOURCES) -L$(BUILD) -lconnector $(RUN_PATH) $(DEP_LIBS) $(LDFLAGS)

counts: $(COUNTS) ## compare what each operation does with bench/counts.txt (needs valgrind)
	BUILD=$(BUILD) CFLAGS="$(CFLAGS)" bench/counts/check
	BUILD=$(BUILD) bench/counts/control

counts-renew: $(COUNTS) ## write bench/counts.txt anew
	BUILD=$(BUILD) CFLAGS="$(CFLAGS)" bench/counts/check --renew

.PHONY: counts counts-renew
