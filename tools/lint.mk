# SPDX-License-Identifier: Apache-2.0
# make lint: every check that looks at text and not at behaviour. Each is a target of its own too.

LINTS := format tidy cppcheck shell spelling man python headers floors paths compilers
.PHONY: lint $(addprefix lint-,$(LINTS))

C_DIRS   := common proto policy $(PROGRAMS) tests/unit tests/sandbox tests/fault tests/load tests/fuzz tests/oracle bench
C_FILES   = $(sort $(shell find $(C_DIRS) -name '*.c'))
H_FILES   = $(sort $(shell find $(C_DIRS) -name '*.h'))
SH_FILES  = $(sort $(wildcard tools/*.sh tests/*.sh tests/system/*.sh tests/fault/*.sh bench/*.sh demo/*.sh docs/*.sh) .ci/run debian/sealwright.postinst debian/sealwright.prerm)
PY_FILES  = $(sort $(wildcard tools/*.py tests/*.py tests/*/*.py tests/*/*/*.py bench/*.py demo/*.py))
MAN_FILES = $(sort $(wildcard docs/man/*.[1-9]))

lint:
	tools/deps.sh lint
	@$(MAKE) $(addprefix lint-,$(LINTS))
	@echo "lint: clean"

lint-format:
	@clang-format --dry-run -Werror $(C_FILES) $(H_FILES)

lint-tidy:
	@printf '%s\n' $(C_FILES) | xargs -P 2 -n 6 tools/tidy.sh $(ALL_CPPFLAGS) -std=gnu11 --

lint-cppcheck:
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --library=posix -j 2 \
	    --enable=warning,performance,portability --suppressions-list=tools/cppcheck.suppress \
	    $(ALL_CPPFLAGS) $(C_FILES)

lint-shell:
	@shellcheck $(SH_FILES)

lint-spelling:
	@codespell --ignore-words=tools/codespell.ignore --skip='./build*,./.git,./tests/fuzz/corpus,*.pyc,./LICENSE' .

lint-man:
	@$(if $(MAN_FILES),mandoc -Tlint -Wwarning $(MAN_FILES),echo "no man pages")

lint-python:
	@for f in $(PY_FILES); do $(PYTHON) -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' $$f || exit 1; done

# Each header stands alone, whatever was included before it.
lint-headers:
	@for h in $(H_FILES); do \
	    printf '#include "%s"\n' $$h | $(CC) $(ALL_CPPFLAGS) -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -x c - || exit 1; \
	done

lint-floors:
	@$(PYTHON) tools/floors.py

# What the documents name is there, and the other way round.
lint-paths:
	@$(PYTHON) tools/paths.py

lint-compilers:
	@$(MAKE) BUILD=$(BUILD)/lint-gcc CC=gcc all unit bench-programs
	@$(MAKE) BUILD=$(BUILD)/lint-clang CC=clang all unit bench-programs
