# Targets for people: all run test (unit live fuzz-short) soak lint format bench
# install deb clean.
# SAN=address,undefined (or thread) builds apart and tests under sanitizers.

B    ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
comma := ,
PREFIX ?= /usr/local
PORT   := $(if $(filter command line,$(origin PORT)),$(PORT),8000)

CC     ?= cc
WARN   := -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion \
	  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wstrict-prototypes \
	  -Wmissing-prototypes -Wold-style-definition -Wvla -Wundef \
	  -Wformat=2 -Wnull-dereference -Wdouble-promotion \
	  -Wimplicit-fallthrough -Wswitch-enum -Wduplicated-cond -Wlogical-op \
	  $(if $(findstring thread,$(SAN)),-Wno-tsan)
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPT    := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) \
	  -fno-sanitize-recover=all,-O2 -flto=auto -ffat-lto-objects $(HARDEN))
LLHTTP := /usr/share/llhttp
CFLAGS += -std=gnu11 -g $(OPT) -D_GNU_SOURCE -I. -isystem /usr/share/include/llhttp
LDFLAGS += $(if $(SAN),-fsanitize=$(SAN),-flto=auto -pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now)
LDLIBS := -lsqlite3 -lnettle -linih -lseccomp -lz -lm

BUILD_PACKAGES := gcc libc6-dev libsqlite3-dev node-llhttp nettle-dev libinih-dev \
		  libseccomp-dev zlib1g-dev libxxhash-dev
TEST_PACKAGES  := libcmocka-dev curl python3 sqlite3 procps
LINT_PACKAGES  := clang-format clang-tidy shellcheck

SRC  := $(filter-out master/main.c,$(wildcard $(foreach d,common master worker,$d/*.c $d/*/*.c)))
OBJ  := $(SRC:%.c=$(B)/%.o)
PARSER := $(B)/llhttp/api.o $(B)/llhttp/http.o $(B)/llhttp/llhttp.o
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

all: $(B)/prong

# ---- packages ---------------------------------------------------------------
build/.packages-build: Makefile etc/packages.sh
	@etc/packages.sh $(BUILD_PACKAGES)
	@mkdir -p build && touch $@
build/.packages-test: Makefile etc/packages.sh
	@etc/packages.sh $(TEST_PACKAGES)
	@mkdir -p build && touch $@
build/.packages-lint: Makefile etc/packages.sh
	@etc/packages.sh $(LINT_PACKAGES)
	@mkdir -p build && touch $@

# ---- the program: everything but main is an archive that tests link ---------
$(B)/prong: $(B)/master/main.o $(B)/libprong.a
	@echo "  LD  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(B)/libprong.a: $(OBJ) $(PARSER)
	@rm -f $@
	@$(if $(SAN),ar,gcc-ar) rcs $@ $^
$(B)/%.o: %.c | build/.packages-build
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(CFLAGS) $(WARN) -MMD -MP -c $< -o $@
# llhttp is C generated for and shipped by Debian: compiled as it is.
$(B)/llhttp/%.o: | build/.packages-build
	@mkdir -p $(@D)
	@echo "  CC  $(LLHTTP)/$*.c"
	@$(CC) $(CFLAGS) -DLLHTTP_STRICT_MODE=1 -w -c $(LLHTTP)/$*.c -o $@

# ---- running ----------------------------------------------------------------
run: $(B)/prong
	@mkdir -p var
	@echo "SoftFactory: http://127.0.0.1:$(PORT)/  health: /api/health  admin token: demo_token"
	@echo "with that token: /api/monitoring/metrics  /api/cache/stats  /metrics; figures: var/performance.jsonl"
	@echo "(another port: make run PORT=9000)"
	@$(B)/prong -w 4 -b 127.0.0.1:$(PORT) --demo --database var/softfactory.db \
	    --access-logfile - --performance-log var/performance.jsonl etc/softfactory

# ---- tests ------------------------------------------------------------------
# Linked without LTO: a hundred programs would each compile the archive anew.
$(B)/unit/%: tests/unit/%.c $(B)/libprong.a | build/.packages-test
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(CFLAGS) $(WARN) -fno-lto -MMD -MP $(LDFLAGS) $< $(B)/libprong.a $(LDLIBS) -lcmocka -o $@
$(B)/fuzz/%: tests/fuzz/%.c $(B)/libprong.a | build/.packages-test
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(CFLAGS) $(WARN) -fno-lto -MMD -MP $(LDFLAGS) $< tests/fuzz/driver/driver.c \
	    $(B)/libprong.a $(LDLIBS) -o $@

unit: $(UNIT)
	@tests/run.sh unit $(B) $(UNIT)
live: $(B)/prong build/.packages-test
	@tests/run.sh live $(B) tests/live/[0-9]*
fuzz-short: $(FUZZ)
	@tests/run.sh fuzz $(B) $(FUZZ)
test: $(B)/prong $(UNIT) $(FUZZ) build/.packages-test
	@tests/run.sh all $(B) $(UNIT) -- $(FUZZ) -- tests/live/[0-9]*

# Kills and power cuts, fifty rounds each: about eight minutes.
soak: $(B)/prong build/.packages-test
	@tests/soak.sh $(B) 50

# ---- care -------------------------------------------------------------------
C_FILES := $(wildcard $(foreach d,common master worker tests bench,$d/*.[ch] $d/*/*.[ch]))
format: build/.packages-lint
	clang-format -i $(C_FILES)
lint: build/.packages-lint build/.packages-build build/.packages-test
	@tests/lint.sh $(B)

bench: $(B)/prong
	@bench/run.sh

install: $(B)/prong
	install -D -m 755 $(B)/prong $(DESTDIR)$(PREFIX)/bin/prong
	install -D -m 644 etc/prong.conf $(DESTDIR)$(PREFIX)/share/doc/prong/prong.conf
	install -d $(DESTDIR)$(PREFIX)/share/man/man8
	$(B)/prong --man > $(DESTDIR)$(PREFIX)/share/man/man8/prong.8
# A Debian package of the program, with units, examples and documents.
deb: $(B)/prong
	@etc/deploy/deb/build $(B)/prong build
clean:
	rm -rf build

.PHONY: all run unit live fuzz-short test soak bench format lint install deb clean
.SECONDARY:
-include $(OBJ:.o=.d) $(B)/master/main.d $(UNIT:=.d) $(FUZZ:=.d)
