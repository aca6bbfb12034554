/* SPDX-License-Identifier: Apache-2.0 */
#include "policyd/compiler/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fds.h"
#include "common/jail.h"
#include "common/landlock.h"
#include "common/log.h"
#include "common/sha256.h"
#include "policy/accounts.h"
#include "policy/policy.h"
#include "proto/value.h"

#define FD_IMAGE COMPILER_FD_IMAGE
#define FD_PAYLOAD COMPILER_FD_PAYLOAD
#define COMPLAINT_MAX 600 /* bytes, with its place */
#define NAME_SHOWN 400    /* bytes of a file's name */
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static void
send_payload(const uint8_t *buf, const struct wire_out *out)
{
	int error;

	if (!wire_out_ok(out))
		fatalx("the account of a policy load does not fit");
	error = fd_write_all(FD_PAYLOAD, buf, (size_t)(out->p - buf));
	if (error < 0)
		fatal(error, "cannot tell the supervisor of a policy load");
}

/* --- refused ---------------------------------------------------------------------------------- */

static void
send_refusal(uint32_t errors, const struct str *complaints, size_t n)
{
	static uint8_t buf[COMPILER_PAYLOAD];
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	value_open_object(&out);
	value_member_str(&out, STR("result"), STR("refused"));
	value_member_int(&out, STR("errors"), errors);
	value_member_str(&out, STR("first"), n > 0 ? complaints[0] : STR("?"));
	value_put_key(&out, STR("complaints"));
	value_open_array(&out);
	for (size_t i = 0; i < n; i++)
		value_put_str(&out, complaints[i]);
	value_close_array(&out);
	value_close_object(&out);
	send_payload(buf, &out);
}

/* About no single file: about what was given as the policy. */
static void
put_complaint(struct text *t, const struct policy_complaint *c, const char *policy)
{
	text_put(t, c->file[0] != '\0' ? str_from(c->file)
				       : (struct str){policy, strnlen(policy, NAME_SHOWN / 2)});
	if (c->line > 0) {
		text_char(t, ':');
		text_u64(t, c->line);
		text_char(t, ':');
		text_u64(t, c->column);
	}
	text_put(t, STR(": "));
	text_put(t, str_from(c->text));
}

static int
refuse(const struct policy_report *report, const char *policy)
{
	static char lines[POLICY_COMPLAINTS][COMPLAINT_MAX];
	struct str complaints[POLICY_COMPLAINTS];

	for (uint32_t i = 0; i < report->n; i++) {
		struct text t = text_over(lines[i], sizeof(lines[i]));

		put_complaint(&t, &report->complaint[i], policy);
		complaints[i] = text_str(&t);
		log_error("%.*s", STR_ARG(complaints[i]));
	}
	if (report->dropped > 0)
		log_error("%" PRIu32 " more errors in the policy", report->dropped);
	send_refusal(report->n + report->dropped, complaints, report->n);
	return 1;
}

static const char *
load_fault(int error)
{
	static char buf[64];

	if (error != -ENOMEM)
		return policy_texts_fault(error);
	(void)snprintf(buf, sizeof(buf), "to load it takes over %zu MiB of memory",
	    (size_t)(COMPILER_MEMORY >> 20));
	return buf;
}

static int
refuse_for(const char *file, int error)
{
	char buf[COMPLAINT_MAX];
	struct text t = text_over(buf, sizeof(buf));
	struct str complaint;

	text_put(&t, (struct str){file, strnlen(file, NAME_SHOWN)});
	text_put(&t, STR(": "));
	text_put(&t, str_from(load_fault(error)));
	complaint = text_str(&t);
	log_error("%.*s", STR_ARG(complaint));
	send_refusal(1, &complaint, 1);
	return 1;
}

/* --- loaded ----------------------------------------------------------------------------------- */

static void
fingerprint(const struct policy_texts *texts, uint8_t ret[SHA256_SIZE])
{
	struct sha256 sum;

	sha256_begin(&sum);
	for (size_t i = 0; i < texts->n; i++)
		sha256_add(&sum, texts->v[i].text);
	sha256_end(&sum, ret);
}

static void
write_image(const uint8_t *image, size_t size)
{
	int error = fd_write_all(FD_IMAGE, image, size);

	if (error < 0)
		fatal(error, "cannot write the policy image (%zu bytes)", size);
	if (fcntl(FD_IMAGE, F_ADD_SEALS, SEALS) < 0)
		fatal(errno, "cannot seal the policy image");
}

static void
send_success(
    const struct policy_texts *texts, const struct policy_report *report, struct str revision)
{
	uint8_t buf[1024], digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE];
	struct text t = text_over(hex, sizeof(hex));
	struct wire_out out = wire_out_over(buf, sizeof(buf));

	fingerprint(texts, digest);
	text_hex(&t, digest, sizeof(digest));
	value_open_object(&out);
	value_member_str(&out, STR("result"), STR("loaded"));
	value_member_str(&out, STR("revision"), revision);
	value_member_int(&out, STR("policies"), report->policies);
	value_member_int(&out, STR("rules"), report->rules);
	value_member_int(&out, STR("tests"), report->tests);
	value_member_str(&out, STR("sha256"), text_str(&t));
	value_close_object(&out);
	send_payload(buf, &out);
}

/* The image is read as evaluators will read it: one that they would refuse never leaves here. */
static int
deliver(const struct policy_texts *texts, const struct policy_report *report, const uint8_t *bytes,
    size_t size)
{
	struct policy_image image;
	const char *why = "";

	if (policy_image_open(&image, bytes, size, &why) < 0)
		fatalx("the compiled policy cannot be read back: %s", why);
	write_image(bytes, size);
	send_success(texts, report, policy_image_revision(&image));
	return 0;
}

static int
compile(const struct policy_texts *texts, const struct accounts *accounts, const char *policy)
{
	static struct policy_report report;
	const struct policy_compile_options options = {
	    .accounts = true, .known = accounts, .run_tests = true, .now = clock_real()};
	CLEANUP_FREE uint8_t *image = NULL;
	size_t size = 0;
	int error = policy_compile(texts, &options, &image, &size, &report);

	if (error == -EINVAL && report.n > 0)
		return refuse(&report, policy);
	if (error < 0)
		return refuse_for(policy, error);
	return deliver(texts, &report, image, size);
}

/* --- what it may use --------------------------------------------------------------------------- */

/* A sanitizer's run time asks for terabytes of addresses. */
static void
limit_memory(void)
{
#ifndef SANITIZED
	const struct rlimit memory = {COMPILER_MEMORY, COMPILER_MEMORY};

	if (setrlimit(RLIMIT_AS, &memory) < 0)
		fatal(errno, "policy compiler: cannot limit its memory");
#endif
}

/* A pipe or a device would keep us waiting, or never end. */
static int
check_kind(const char *policy)
{
	struct stat st;

	if (stat(policy, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? 0 : -EINVAL;
}

/* --- all of it -------------------------------------------------------------------------------- */

/*
 * The libraries read files and ask for random numbers on first use: that must be over before the jail.
 * What becomes of this policy is of no interest.
 */
static void
warm_up(void)
{
	static const char document[] =
	    "{\"schema\":\"sealwright-policy/1\",\"policies\":[{\"id\":\"a\",\"source\":\"host\","
	    "\"mode\":\"enforce\",\"rules\":[]}]}";
	static struct policy_report report;
	struct policy_text text = {.file = "", .text = STR(document)};
	const struct policy_texts texts = {.v = &text, .n = 1};
	const struct policy_compile_options options = {.now = clock_real()};
	CLEANUP_FREE uint8_t *image = NULL;
	size_t size;

	(void)policy_compile(&texts, &options, &image, &size, &report);
}

/* A directory alone is no fence: without Landlock a path may lead out of it. */
static void
fence_zones(struct policy_zones *zones)
{
	if (!zones->there || landlock_abi() > 0)
		return;
	(void)close(zones->directory);
	*zones = (struct policy_zones){.why = "named zones need a kernel with Landlock here"};
}

/* All but time zones is read before the jail, and nothing of a policy is parsed outside of it. */
int
compiler_main(const char *policy, bool landlock_optional)
{
	struct policy_texts texts = {0};
	struct accounts accounts = {.arena = {NULL}};
	const char *step = "", *file = policy;
	int error = jail_basic(&step);

	if (error < 0)
		fatal(error, "policy compiler: cannot %s", step);
	if (fcntl(FD_IMAGE, F_GET_SEALS) < 0)
		fatalx("policy compiler: started by policyd only");
	limit_memory();
	error = check_kind(policy);
	if (error == 0)
		error = policy_texts_read(&texts, policy, &file);
	if (error == 0) {
		file = "/etc/passwd or /etc/group";
		error = accounts_read_etc(&accounts);
	}
	warm_up();
	fence_zones(&texts.zones);
	compiler_jail(&texts.zones, landlock_optional);
	error = error < 0 ? refuse_for(file, error) : compile(&texts, &accounts, policy);
	accounts_free(&accounts);
	policy_texts_free(&texts);
	return error;
}
