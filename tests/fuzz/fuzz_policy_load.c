/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy file: loaded, compiled, its tests run, the image opened and asked, linted. A NUL separates two
 * files. Of named time zones there are Europe/Berlin, Etc/Damaged and Etc/Empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "tests/unit/policy_exercise.h"

#define NOON INT64_C(1795262400000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_report(const struct policy_report *r, const struct policy_texts *texts)
{
	if (r->n > POLICY_COMPLAINTS)
		abort();
	for (uint32_t i = 0; i < r->n; i++) {
		const struct policy_complaint *c = &r->complaint[i];

		if (!c->text[0] || strlen(c->file) >= sizeof(c->file))
			abort();
		if (c->file[0] && (c->line == 0 || c->column == 0))
			abort();
		if (c->line > texts->v[0].text.n + 2 &&
		    (texts->n < 2 || c->line > texts->v[1].text.n + 2))
			abort();
	}
}

static void
compile(const struct policy_texts *texts)
{
	static const struct policy_compile_options options = {.run_tests = true, .now = NOON};
	static struct policy_report report;
	struct policy_image view;
	const char *why;
	uint8_t *image;
	size_t n;
	int error = policy_compile(texts, &options, &image, &n, &report);

	check_report(&report, texts);
	if ((error == 0) != (report.n == 0) || (error != 0 && error != -EINVAL))
		abort();
	if (error < 0)
		return;
	if (policy_image_open(&view, image, n, &why) < 0)
		abort();
	(void)policy_exercise(&view);
	free(image);
	report = (struct policy_report){.n = 0};
	if (policy_lint(texts, NOON, &report) != 0)
		abort();
	check_report(&report, texts);
}

/* --- a time zone database of three files -------------------------------------------------------- */

#define TZIF_HEAD                                                                             \
	"TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4" \
	"\0\0\0\0\0\0UTC\0"

static const char berlin[] = TZIF_HEAD TZIF_HEAD "\nCET-1CEST,M3.5.0,M10.5.0/3\n";

static void
write_zone(int directory, const char *name, const char *bytes, size_t n)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) < 0)
		abort();
}

static char zones_path[] = "/tmp/fuzz-zones.XXXXXX";
static int zones_directory = -1;

static void
remove_zones(void)
{
	(void)unlinkat(zones_directory, "Europe/Berlin", 0);
	(void)unlinkat(zones_directory, "Etc/Damaged", 0);
	(void)unlinkat(zones_directory, "Etc/Empty", 0);
	(void)unlinkat(zones_directory, "Europe", AT_REMOVEDIR);
	(void)unlinkat(zones_directory, "Etc", AT_REMOVEDIR);
	(void)rmdir(zones_path);
}

static struct policy_zones
zones(void)
{
	if (zones_directory < 0) {
		if (!mkdtemp(zones_path))
			abort();
		zones_directory = open(zones_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (mkdirat(zones_directory, "Europe", 0700) < 0 ||
		    mkdirat(zones_directory, "Etc", 0700) < 0 || atexit(remove_zones) != 0)
			abort();
		write_zone(zones_directory, "Europe/Berlin", berlin, sizeof(berlin) - 1);
		write_zone(zones_directory, "Etc/Damaged", berlin, sizeof(berlin) - 9);
		write_zone(zones_directory, "Etc/Empty", "", 0);
	}
	return (struct policy_zones){.there = true, .directory = zones_directory};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size};
	const char *nul = size ? memchr(data, '\0', size) : NULL;
	struct str first = nul ? (struct str){all.p, (size_t)(nul - all.p)} : all;
	struct policy_text v[2] = {{"first", first}, {"second", str_skip(all, first.n + 1)}};
	struct policy_texts texts = {.v = v, .n = nul ? 2 : 1, .zones = zones()};

	compile(&texts);
	return 0;
}
