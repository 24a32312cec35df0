# libconnector: plain make, no configure step. `make help` explains the targets.

VERSION  := 0.3.0
SOVERSION := 0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/libconnector
DESTDIR    ?=

CC      ?= cc
AR      ?= ar
OBJCOPY ?= objcopy
STRIP   ?= strip
PKG_CONFIG ?= pkg-config

BUILD  ?= build
CFLAGS ?= -O2 -g
WERROR ?=
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wvla -Wformat=2 $(WERROR)

# macOS names shared libraries, and the flags that make them, in its own way.
UNAME := $(shell uname -s)
ifeq ($(UNAME),Darwin)
SHARED      := libconnector.$(SOVERSION).dylib
SHARED_LINK := libconnector.dylib
SHARED_REAL := libconnector.$(VERSION).dylib
SHARED_FLAGS = -dynamiclib -install_name $(LIBDIR)/$(SHARED)
else
SHARED      := libconnector.so.$(SOVERSION)
SHARED_LINK := libconnector.so
SHARED_REAL := libconnector.so.$(VERSION)
SHARED_FLAGS = -shared -Wl,-soname,$(SHARED) -Wl,--version-script=lib/connector.map -Wl,-z,defs
endif

DEPENDENCIES := sqlite3 libcjson libsodium
DEP_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(DEPENDENCIES) 2>/dev/null)
DEP_LIBS   := $(shell $(PKG_CONFIG) --libs $(DEPENDENCIES) 2>/dev/null || echo -lsqlite3 -lcjson -lsodium)
TEST_CFLAGS = $(shell $(PKG_CONFIG) --cflags cmocka 2>/dev/null)
TEST_LIBS   = $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)

STANDARD  := -std=c11 -D_POSIX_C_SOURCE=200809L
LIB_FLAGS = $(STANDARD) -fPIC -fvisibility=hidden -pthread -Iinclude -Ilib $(WARNINGS) $(DEP_CFLAGS)
APP_FLAGS = $(STANDARD) -pthread -Iinclude $(WARNINGS)
RUN_PATH  = -Wl,-rpath,$(abspath $(BUILD))

LIB_SOURCES := $(sort $(wildcard lib/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o)

# A program of several files has a folder of its own.
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(sort $(wildcard examples/*.c)))
CTL_SOURCES := $(sort $(wildcard examples/connectorctl/*.c))
CTL := $(if $(CTL_SOURCES),$(BUILD)/examples/connectorctl)
UNIT_TESTS  := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))
API_TESTS   := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/api/test_*.c)))
FAULT_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fault/test_*.c)))
LINEAR_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/linear/test_*.c)))
MODEL_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/model/*.c)))
TESTS := $(UNIT_TESTS) $(API_TESTS) $(FAULT_TESTS) $(LINEAR_TESTS) $(MODEL_TESTS)

.PHONY: all install uninstall check check-long analyze coverage deps demo bench sanitize valgrind emptied fuzz fuzz-control mutants docs format clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/$(SHARED_LINK) $(BUILD)/libconnector.a $(BUILD)/connector.pc $(EXAMPLES) $(CTL) ## build the libraries, the examples and connectorctl

help: ## explain the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: PREFIX ($(PREFIX)), DESTDIR, CC ($(CC)), CFLAGS ($(CFLAGS)), WERROR=-Werror, BUILD ($(BUILD))"

# ---- the library ----

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(LIB_FLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/$(SHARED_REAL): $(LIB_OBJECTS) lib/connector.map
	$(CC) $(CFLAGS) $(SHARED_FLAGS) -pthread $(LDFLAGS) -o $@ $(LIB_OBJECTS) $(DEP_LIBS)

$(BUILD)/$(SHARED): $(BUILD)/$(SHARED_REAL)
	ln -sf $(SHARED_REAL) $@

$(BUILD)/$(SHARED_LINK): $(BUILD)/$(SHARED)
	ln -sf $(SHARED) $@

# For the tests and the benchmark of the library's own files.
$(BUILD)/libconnector-internal.a: $(LIB_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $(LIB_OBJECTS)

# The static library is one object whose only global names are the public ones, so that the names
# inside can't meet the host's.
$(BUILD)/libconnector.a: $(LIB_OBJECTS)
	rm -f $@
ifeq ($(UNAME),Darwin)
	$(AR) rcs $@ $(LIB_OBJECTS)
else
	$(CC) -r -nostdlib -o $(BUILD)/libconnector.o $(LIB_OBJECTS)
	$(OBJCOPY) --localize-hidden $(BUILD)/libconnector.o
	$(AR) rcs $@ $(BUILD)/libconnector.o
endif

$(BUILD)/connector.pc: pkgconfig/connector.pc.in Makefile
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
	    -e 's|@VERSION@|$(VERSION)|g' pkgconfig/connector.pc.in > $@

# ---- examples ----

$(BUILD)/examples/%: examples/%.c $(BUILD)/$(SHARED_LINK)
	@mkdir -p $(@D)
	$(CC) $(APP_FLAGS) $(CFLAGS) $(CPPFLAGS) $(EXAMPLE_CFLAGS) -MMD -MP -MF $@.d -o $@ $< -L$(BUILD) -lconnector $(EXAMPLE_LIBS) $(RUN_PATH) $(LDFLAGS)

# The demo reads its input's callers with cJSON.
$(BUILD)/examples/registry_demo: EXAMPLE_CFLAGS = $(shell $(PKG_CONFIG) --cflags libcjson 2>/dev/null)
$(BUILD)/examples/registry_demo: EXAMPLE_LIBS = $(shell $(PKG_CONFIG) --libs libcjson 2>/dev/null || echo -lcjson)

$(BUILD)/examples/connectorctl: $(CTL_SOURCES) $(wildcard examples/connectorctl/*.h) $(BUILD)/$(SHARED_LINK)
	@mkdir -p $(@D)
	$(CC) $(APP_FLAGS) $(CFLAGS) $(CPPFLAGS) -o $@ $(CTL_SOURCES) -L$(BUILD) -lconnector $(RUN_PATH) $(LDFLAGS)

demo: $(BUILD)/examples/registry_demo ## run the main job on real input
	$(BUILD)/examples/registry_demo examples/data/connectors.ndjson

# ---- tests ----

TEST_FLAGS = $(APP_FLAGS) -Itests $(TEST_CFLAGS)

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libconnector-internal.a
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) -Ilib $(DEP_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libconnector-internal.a $(DEP_LIBS) $(TEST_LIBS) $(LDFLAGS)

# These know the public API alone; some are programs of several headers.
define API_TEST
$$(BUILD)/tests/$(1)/%: tests/$(1)/%.c $$(BUILD)/$$(SHARED_LINK)
	@mkdir -p $$(@D)
	$$(CC) $$(TEST_FLAGS) $$(CFLAGS) $$(CPPFLAGS) -MMD -MP -MF $$@.d -o $$@ $$< -L$$(BUILD) -lconnector $$(RUN_PATH) $$(TEST_LIBS) $$(LDFLAGS)
endef
$(foreach folder,api linear model,$(eval $(call API_TEST,$(folder))))

# Faults are put beneath the library: these tests may use sqlite3 themselves.
$(BUILD)/tests/fault/%: tests/fault/%.c $(BUILD)/$(SHARED_LINK)
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(DEP_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -MF $@.d -o $@ $< -L$(BUILD) -lconnector $(RUN_PATH) $(DEP_LIBS) $(TEST_LIBS) $(LDFLAGS)

include vault/vault.mk

tests: $(TESTS) $(BUILD)/tests/linear/check

check: all $(TESTS) ## run the tests, the examples and the checks of ABI, install and docs (under five minutes)
	BUILD=$(BUILD) CC="$(CC)" tests/run $(TESTS)
	BUILD=$(BUILD) CC="$(CC)" tests/abi/check
	BUILD=$(BUILD) tests/examples
	BUILD=$(BUILD) CC="$(CC)" MAKE="$(MAKE)" tests/install
	BUILD=$(BUILD) CC="$(CC)" docs/generate/check

check-long: ## show every claim of docs/quality.md at full size, and write that page (hours)
	BUILD=$(BUILD) CC="$(CC)" MAKE="$(MAKE)" tests/check-long $(CLAIMS)

analyze: ## let gcc's analyzer look at the library
	BUILD=$(BUILD) tests/analyze

coverage: ## say what share of lines and branches the tests reach (gcc)
	BUILD=$(BUILD) MAKE="$(MAKE)" tests/coverage

SANITIZE = $(MAKE) WERROR=-Werror tests all

sanitize: ## run the tests under ASan with UBSan, then under TSan
	$(SANITIZE) BUILD=$(BUILD)/asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
	BUILD=$(BUILD)/asan tests/run $(patsubst $(BUILD)/%,$(BUILD)/asan/%,$(TESTS))
	$(SANITIZE) BUILD=$(BUILD)/tsan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=thread"
	BUILD=$(BUILD)/tsan tests/run $(patsubst $(BUILD)/%,$(BUILD)/tsan/%,$(TESTS))

valgrind: $(TESTS) ## run the tests under valgrind
	BUILD=$(BUILD) TEST_RUNNER="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible" tests/run $(UNIT_TESTS) $(API_TESTS)

emptied: $(API_TESTS) ## empty each public function in turn: some test must fail (two minutes)
	BUILD=$(BUILD) CC="$(CC)" tests/emptied $(API_TESTS)

mutants: ## take each protection out of a copy of the library in turn: some test must fail (twenty minutes)
	BUILD=$(BUILD) CC="$(CC)" tests/mutants/run $(MUTANTS)

FUZZERS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 30

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(wildcard tests/fuzz/*.h) $(LIB_SOURCES)
	@mkdir -p $(@D)
	clang $(TEST_FLAGS) -Ilib $(DEP_CFLAGS) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< $(LIB_SOURCES) $(DEP_LIBS)

fuzz: $(FUZZERS) ## fuzz what reads hostile input, FUZZ_SECONDS each (needs clang)
	@for fuzzer in $(FUZZERS); do BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $$fuzzer || exit 1; done

fuzz-control: ## take protections out of copies of the library: the fuzzers must find it (needs clang)
	BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/control

# ---- benchmark ----

BENCH_SOURCES := $(sort $(wildcard bench/*.c))

$(BUILD)/bench/bench: $(BENCH_SOURCES) $(wildcard bench/*.h) $(BUILD)/libconnector-internal.a
	@mkdir -p $(@D)
	$(CC) $(APP_FLAGS) -Ilib -Ibench $(DEP_CFLAGS) $(CFLAGS) -o $@ $(BENCH_SOURCES) $(BUILD)/libconnector-internal.a $(DEP_LIBS) -lm

bench: $(BUILD)/bench/bench $(BUILD)/$(SHARED_LINK) $(BENCH_VAULT) ## time each operation beside hand-written sqlite3
	BUILD=$(BUILD) STRIP=$(STRIP) bench/run
	$(if $(BENCH_VAULT),$(BENCH_VAULT) $(BENCH_FLAGS),@echo "SKIPPED: reads from a vault were not timed: no libcurl or no libmicrohttpd here" >&2)

include bench/peers/peers.mk
include bench/counts/counts.mk

# ---- docs, install, upkeep ----

docs: ## make man pages and HTML from the headers, under build/docs (needs perl; HTML: mandoc, lowdown)
	BUILD=$(BUILD) VERSION=$(VERSION) docs/generate/all

install: all ## install under DESTDIR and PREFIX
	install -d $(DESTDIR)$(INCLUDEDIR)/connector $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(BINDIR) $(DESTDIR)$(DOCDIR)
	install -m 644 include/connector.h $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 include/connector/*.h $(DESTDIR)$(INCLUDEDIR)/connector/
	install -m 644 $(BUILD)/libconnector.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(BUILD)/$(SHARED_REAL) $(DESTDIR)$(LIBDIR)/
	ln -sf $(SHARED_REAL) $(DESTDIR)$(LIBDIR)/$(SHARED)
	ln -sf $(SHARED) $(DESTDIR)$(LIBDIR)/$(SHARED_LINK)
	sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
	    -e 's|@VERSION@|$(VERSION)|g' pkgconfig/connector.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/connector.pc
	$(CC) $(APP_FLAGS) $(CFLAGS) $(CPPFLAGS) -o $(DESTDIR)$(BINDIR)/connectorctl $(CTL_SOURCES) -L$(BUILD) -lconnector -Wl,-rpath,$(LIBDIR) $(LDFLAGS)
	install -m 644 README.md LICENSE CHANGELOG.md $(DESTDIR)$(DOCDIR)/
	BUILD=$(BUILD) VERSION=$(VERSION) docs/generate/man
	install -d $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man3
	install -m 644 $(BUILD)/docs/man/man1/*.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 $(BUILD)/docs/man/man3/*.3 $(DESTDIR)$(MANDIR)/man3/

uninstall: ## remove what install put there
	rm -rf $(DESTDIR)$(INCLUDEDIR)/connector.h $(DESTDIR)$(INCLUDEDIR)/connector $(DESTDIR)$(DOCDIR)
	rm -f $(DESTDIR)$(LIBDIR)/libconnector.a $(DESTDIR)$(LIBDIR)/$(SHARED_REAL) $(DESTDIR)$(LIBDIR)/$(SHARED) $(DESTDIR)$(LIBDIR)/$(SHARED_LINK)
	rm -f $(DESTDIR)$(LIBDIR)/pkgconfig/connector.pc $(DESTDIR)$(BINDIR)/connectorctl
	rm -f $(DESTDIR)$(MANDIR)/man1/connectorctl.1 $(DESTDIR)$(MANDIR)/man3/connector*.3

deps: ## install the packages that building, testing and documenting need
	@./deps

format: ## format the sources
	clang-format -i $$(git ls-files '*.[ch]')

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(LIB_OBJECTS:.o=.d) $(EXAMPLES:=.d) $(TESTS:=.d) $(BUILD)/tests/linear/check.d
