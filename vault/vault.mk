# libconnector-vault: secrets in HashiCorp Vault or OpenBao, over libcurl. A library of its own, so
# that the core needs no libcurl. Built where libcurl is; VAULT=no leaves it out.

VAULT ?= $(if $(shell $(PKG_CONFIG) --exists libcurl 2>/dev/null && echo yes),yes,no)

# Its tests, example and benchmark need a stand-in server, and that libmicrohttpd.
VAULT_SERVER := $(if $(filter yes,$(VAULT)),$(if $(shell $(PKG_CONFIG) --exists libmicrohttpd 2>/dev/null && echo yes),yes,no),no)

ifeq ($(UNAME),Darwin)
VAULT_SHARED := libconnector-vault.$(SOVERSION).dylib
VAULT_LINK   := libconnector-vault.dylib
VAULT_REAL   := libconnector-vault.$(VERSION).dylib
VAULT_SHARED_FLAGS = -dynamiclib -install_name $(LIBDIR)/$(VAULT_SHARED)
else
VAULT_SHARED := libconnector-vault.so.$(SOVERSION)
VAULT_LINK   := libconnector-vault.so
VAULT_REAL   := libconnector-vault.so.$(VERSION)
VAULT_SHARED_FLAGS = -shared -Wl,-soname,$(VAULT_SHARED) -Wl,--version-script=vault/connector-vault.map -Wl,-z,defs
endif

VAULT_CFLAGS := $(shell $(PKG_CONFIG) --cflags libcurl libsodium 2>/dev/null)
VAULT_LIBS   := $(shell $(PKG_CONFIG) --libs libcurl libsodium 2>/dev/null || echo -lcurl -lsodium)

VAULT_SOURCES := $(sort $(wildcard vault/*.c))
VAULT_OBJECTS := $(VAULT_SOURCES:%.c=$(BUILD)/%.o)

VAULT_CORE := $(BUILD)/$(SHARED_LINK)
VAULT_CORE_LIBS := -lconnector

$(VAULT_OBJECTS): $(BUILD)/vault/%.o: vault/%.c
	@mkdir -p $(@D)
	$(CC) $(STANDARD) -fPIC -fvisibility=hidden -pthread -Iinclude -Ivault $(WARNINGS) $(VAULT_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/$(VAULT_REAL): $(VAULT_OBJECTS) $(VAULT_CORE) vault/connector-vault.map
	$(CC) $(CFLAGS) $(VAULT_SHARED_FLAGS) -pthread $(LDFLAGS) -o $@ $(VAULT_OBJECTS) -L$(BUILD) $(VAULT_CORE_LIBS) $(VAULT_LIBS)

$(BUILD)/$(VAULT_SHARED): $(BUILD)/$(VAULT_REAL)
	ln -sf $(VAULT_REAL) $@

$(BUILD)/$(VAULT_LINK): $(BUILD)/$(VAULT_SHARED)
	ln -sf $(VAULT_SHARED) $@

# One object whose only global name is the public one, like the core's.
$(BUILD)/libconnector-vault.a: $(VAULT_OBJECTS)
	rm -f $@
ifeq ($(UNAME),Darwin)
	$(AR) rcs $@ $(VAULT_OBJECTS)
else
	$(CC) -r -nostdlib -o $(BUILD)/libconnector-vault.o $(VAULT_OBJECTS)
	$(OBJCOPY) --localize-hidden $(BUILD)/libconnector-vault.o
	$(AR) rcs $@ $(BUILD)/libconnector-vault.o
endif

$(BUILD)/libconnector-vault-internal.a: $(VAULT_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $(VAULT_OBJECTS)

VAULT_PC = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
	-e 's|@VERSION@|$(VERSION)|g' pkgconfig/connector-vault.pc.in

$(BUILD)/connector-vault.pc: pkgconfig/connector-vault.pc.in Makefile
	@mkdir -p $(@D)
	$(VAULT_PC) > $@

# ---- tests: what is inside, and the public header against a server of our own ----

VAULT_TEST_SOURCES := $(sort $(wildcard tests/vault/test_*.c))
VAULT_TESTS := $(VAULT_TEST_SOURCES:%.c=$(BUILD)/%)
VAULT_STAND_IN := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/vault/stand_in*.c)))
VAULT_TEST_CFLAGS = $(TEST_FLAGS) -Itests/vault -Ivault $(VAULT_CFLAGS) $(DEP_CFLAGS) $(shell $(PKG_CONFIG) --cflags libmicrohttpd 2>/dev/null)
VAULT_TEST_LIBS = $(shell $(PKG_CONFIG) --libs libmicrohttpd 2>/dev/null || echo -lmicrohttpd) $(TEST_LIBS) $(DEP_LIBS)

$(VAULT_STAND_IN): $(BUILD)/tests/vault/%.o: tests/vault/%.c
	@mkdir -p $(@D)
	$(CC) $(VAULT_TEST_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# A file of a name that begins with test_inside_ looks into the library.
$(BUILD)/tests/vault/test_inside_%: tests/vault/test_inside_%.c $(BUILD)/libconnector-vault-internal.a $(VAULT_CORE)
	@mkdir -p $(@D)
	$(CC) $(VAULT_TEST_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libconnector-vault-internal.a -L$(BUILD) $(VAULT_CORE_LIBS) $(RUN_PATH) $(VAULT_LIBS) $(TEST_LIBS) $(LDFLAGS)

$(BUILD)/tests/vault/test_%: tests/vault/test_%.c $(VAULT_STAND_IN) $(BUILD)/$(VAULT_LINK)
	@mkdir -p $(@D)
	$(CC) $(VAULT_TEST_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -MF $@.d -o $@ $< $(VAULT_STAND_IN) -L$(BUILD) -lconnector-vault $(VAULT_CORE_LIBS) $(RUN_PATH) $(VAULT_TEST_LIBS) $(LDFLAGS)

# It gives libcurl an allocator of its own.
$(BUILD)/tests/vault/test_residue: VAULT_TEST_LIBS += $(VAULT_LIBS)

$(BUILD)/bench/vault: bench/vault/bench_vault.c $(VAULT_STAND_IN) $(BUILD)/$(VAULT_LINK)
	@mkdir -p $(@D)
	$(CC) $(VAULT_TEST_CFLAGS) $(CFLAGS) -o $@ $< $(VAULT_STAND_IN) -L$(BUILD) -lconnector-vault $(VAULT_CORE_LIBS) $(RUN_PATH) $(VAULT_TEST_LIBS) $(LDFLAGS)

$(BUILD)/examples/vault_secrets: examples/vault_secrets.c $(VAULT_STAND_IN) $(BUILD)/$(VAULT_LINK)
	@mkdir -p $(@D)
	$(CC) $(APP_FLAGS) -Itests/vault $(CFLAGS) $(CPPFLAGS) -MMD -MP -MF $@.d -o $@ $< $(VAULT_STAND_IN) -L$(BUILD) -lconnector-vault $(VAULT_CORE_LIBS) $(RUN_PATH) $(VAULT_TEST_LIBS) $(LDFLAGS)

.PHONY: vault check-vault check-vault-server check-vault-abi bench-vault install-vault uninstall-vault

vault: $(BUILD)/$(VAULT_LINK) $(BUILD)/libconnector-vault.a $(BUILD)/connector-vault.pc ## build libconnector-vault (needs libcurl)

check-vault: check-vault-abi check-vault-server $(VAULT_TESTS) ## run the tests of libconnector-vault alone
	BUILD=$(BUILD) CC="$(CC)" tests/run $(VAULT_TESTS)

# Where the real server is not, at least what tests against it is tried.
$(BUILD)/tests/vault/fake/bao: tests/vault/fake_bao.c $(VAULT_STAND_IN)
	@mkdir -p $(@D)
	$(CC) $(VAULT_TEST_CFLAGS) $(CFLAGS) -o $@ $< $(VAULT_STAND_IN) $(VAULT_TEST_LIBS) $(LDFLAGS)

check-vault-server: $(BUILD)/tests/vault/fake/bao $(BUILD)/tests/vault/test_server
	PATH="$(abspath $(BUILD))/tests/vault/fake:$$PATH" $(BUILD)/tests/vault/test_server

check-vault-abi: vault
	BUILD=$(BUILD) CC="$(CC)" tests/vault/abi

bench-vault: $(BUILD)/bench/vault ## time reads from a vault and from the cache
	$(BUILD)/bench/vault $(BENCH_FLAGS)

install-vault: vault
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 include/connector-vault.h $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 $(BUILD)/libconnector-vault.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(BUILD)/$(VAULT_REAL) $(DESTDIR)$(LIBDIR)/
	ln -sf $(VAULT_REAL) $(DESTDIR)$(LIBDIR)/$(VAULT_SHARED)
	ln -sf $(VAULT_SHARED) $(DESTDIR)$(LIBDIR)/$(VAULT_LINK)
	$(VAULT_PC) > $(DESTDIR)$(LIBDIR)/pkgconfig/connector-vault.pc

uninstall-vault:
	rm -f $(DESTDIR)$(INCLUDEDIR)/connector-vault.h $(DESTDIR)$(LIBDIR)/pkgconfig/connector-vault.pc
	rm -f $(DESTDIR)$(LIBDIR)/libconnector-vault.a $(DESTDIR)$(LIBDIR)/$(VAULT_REAL) $(DESTDIR)$(LIBDIR)/$(VAULT_SHARED) $(DESTDIR)$(LIBDIR)/$(VAULT_LINK)

ifeq ($(VAULT),yes)
all: vault
check: check-vault-abi
install: install-vault
else
$(warning SKIPPED: libconnector-vault is left out: no libcurl here ('make deps' installs it))
endif
ifeq ($(VAULT_SERVER),yes)
TESTS += $(VAULT_TESTS)
check: check-vault-server
BENCH_VAULT := $(BUILD)/bench/vault
else
$(warning SKIPPED: tests, example and benchmark of libconnector-vault: no libcurl or no libmicrohttpd here ('make deps' installs them))
EXAMPLES := $(filter-out $(BUILD)/examples/vault_secrets,$(EXAMPLES))
endif
uninstall: uninstall-vault

# Only what reads answers: no network, no curl.
VAULT_FUZZED := vault/answer.c vault/compare.c vault/json.c
$(BUILD)/tests/fuzz/fuzz_vault_answer: tests/fuzz/fuzz_vault_answer.c $(VAULT_FUZZED) $(LIB_SOURCES)
	@mkdir -p $(@D)
	clang $(TEST_FLAGS) -Ilib -Ivault $(VAULT_CFLAGS) $(DEP_CFLAGS) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< $(VAULT_FUZZED) $(LIB_SOURCES) $(DEP_LIBS)

-include $(VAULT_OBJECTS:.o=.d) $(VAULT_STAND_IN:.o=.d) $(VAULT_TESTS:=.d)
